// SPDX-License-Identifier: Apache-2.0
//
// A Procfile as data: "type: command" a line, comments and blank lines between. One broken line
// makes the whole file an error that names it, so that a typing mistake never drops a process
// silently.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

struct ProcfileEntry {
  std::string type;
  std::string command;  ///< for a shell
  friend bool operator==(const ProcfileEntry&, const ProcfileEntry&) = default;
};

/// In the file's order; a type that comes again replaces the earlier one.
[[nodiscard]] Result<std::vector<ProcfileEntry>> parse_procfile(std::string_view text);

}  // namespace berth::builder
