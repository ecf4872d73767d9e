// SPDX-License-Identifier: Apache-2.0
//
// The command line of Berth: `berth COMMAND …`. It talks HTTP to the API and reads and writes one
// context file; it knows nothing else of the platform. The roles (`server`, `router`, …) are
// dispatched by server/main.cpp before run_cli() gets its turn.
#pragma once

#include <string>
#include <vector>

#include "cli/console.hpp"
#include "cli/session.hpp"

namespace berth::cli {

/// Runs one command in the given surroundings; the exit code (see failure.hpp).
[[nodiscard]] int run(const Environment& environment, Console& console,
                      const std::vector<std::string>& words);

}  // namespace berth::cli

namespace berth {

/// The command line of this process on its own terminal, environment and directory.
[[nodiscard]] int run_cli(int argc, char** argv);

}  // namespace berth
