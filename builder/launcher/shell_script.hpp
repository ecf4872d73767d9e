// SPDX-License-Identifier: Apache-2.0
//
// The script that bash is given for a process that is not direct: source the profiles, change the
// directory, become the command. The command and its arguments are never part of the text. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace berth::launcher {

/// bash runs it as `bash -c SCRIPT NAME COMMAND ARGS…`. Without arguments the command is a script
/// of its own; with arguments every word is expanded by the shell once.
[[nodiscard]] std::string launch_script(const std::vector<std::string>& profiles,
                                        const std::string& working_directory,
                                        std::size_t argument_count);

}  // namespace berth::launcher
