// SPDX-License-Identifier: Apache-2.0
//
// Help text from the table of commands. Pure.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "cli/style.hpp"

namespace berth::cli {

/// `berth --help`: every command by group.
[[nodiscard]] std::string overview(Style style);
/// `berth COMMAND --help`.
[[nodiscard]] std::string help_of(const Command& command, Style style);
/// "berth config:set NAME=VALUE… [options]"
[[nodiscard]] std::string usage_of(const Command& command);

/// docs/cli.md, which a test compares with the file.
[[nodiscard]] std::string reference_page();

}  // namespace berth::cli
