// SPDX-License-Identifier: Apache-2.0
//
// When a replica's owner should hear that its memory is nearly used up: R14, before the limit ends
// it (R15). Only memory that cannot be taken back counts. Pure.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace berth::runtime {

class MemoryPressure final {
 public:
  static constexpr std::uint64_t high_percent = 90;
  static constexpr std::uint64_t calm_percent = 80;  ///< below it the next is told at once again
  static constexpr Duration repeat_after = std::chrono::minutes(5);

  /// True when it is to be told now.
  [[nodiscard]] bool note(std::uint64_t used_bytes, std::uint64_t limit_bytes, Time now) {
    if (used_bytes < limit_bytes / 100 * calm_percent) told_ = {};
    if (limit_bytes == 0 || used_bytes < limit_bytes / 100 * high_percent) return false;
    if (told_ != Time{} && now - told_ < repeat_after) return false;
    told_ = now;
    return true;
  }

 private:
  Time told_{};
};

}  // namespace berth::runtime
