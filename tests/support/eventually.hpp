// SPDX-License-Identifier: Apache-2.0
//
// The only waiting that tests do: for a condition, never for time to pass.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace berth::test {

/// Polls `condition` until it holds; false when the time is up.
[[nodiscard]] inline bool eventually(
    const std::function<bool()>& condition,
    std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (auto pause = std::chrono::milliseconds(5);;
       pause = std::min(pause * 2, std::chrono::milliseconds(200))) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

}  // namespace berth::test
