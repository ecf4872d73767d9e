// SPDX-License-Identifier: Apache-2.0
//
// What a build says, and what becomes of it: shared by the commands that show one and those that
// start one.
#pragma once

#include <string>

#include "cli/session.hpp"

namespace berth::cli {

/// Prints the build's log until the build has ended; a line an object with `as_json`.
[[nodiscard]] Outcome<void> print_build_output(Session& session, const Target& target,
                                               const std::string& build, bool as_json);

/// Waits until the release is settled; says so, or why it failed.
[[nodiscard]] Outcome<void> await_release(Session& session, const Target& target,
                                          const std::string& release);

}  // namespace berth::cli
