// SPDX-License-Identifier: Apache-2.0
//
// Text as its parts.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// What stands between separators; what is empty is left out.
[[nodiscard]] inline std::vector<std::string> split(std::string_view text, char separator = ' ') {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace berth
