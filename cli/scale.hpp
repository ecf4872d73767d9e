// SPDX-License-Identifier: Apache-2.0
//
// "web=3", "worker+1", "web=2:large": how many replicas of a process type, as people write it.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "cli/failure.hpp"

namespace berth::cli {

struct ScaleChange {
  std::string type;
  std::string quantity;   ///< "3", "+1" or "-1", as the API reads it; empty: as it is
  std::string size = {};  ///< or empty: as it is
  friend bool operator==(const ScaleChange&, const ScaleChange&) = default;
};

/// The failure is of code `usage` and shows how it is written.
[[nodiscard]] Outcome<ScaleChange> parse_scale(std::string_view word);

/// "from 0 to 5 at 20 requests/s" of an autoscaling policy {"min","max","rps"}.
[[nodiscard]] std::string policy_text(const json::object& policy);

}  // namespace berth::cli
