// SPDX-License-Identifier: Apache-2.0
//
// Reads the words after a command's name as the table says. CLI11 does the work and stays inside
// the .cpp; it does not allow ':' in the name of a subcommand, so commands are found before it is
// asked.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace berth::cli {

/// Failures are of code `usage` and name the word that is wrong.
[[nodiscard]] Outcome<Arguments> parse_arguments(const Command& command,
                                                 const std::vector<std::string>& words);

}  // namespace berth::cli
