// SPDX-License-Identifier: Apache-2.0
//
// When a replica's owner should hear that its memory is nearly used up: R14, before the limit ends
// it (R15). Only memory that cannot be taken back counts. And when a machine's memory is short.
// Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

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

/// Of the text of /proc/meminfo: less than a tenth of the machine's memory can still be had.
[[nodiscard]] inline bool memory_is_tight(std::string_view meminfo) {
  const auto kilobytes = [meminfo](std::string_view key) {
    std::uint64_t value = 0;
    const auto at = meminfo.find(key);
    if (at == meminfo.npos) return value;
    const auto digit = meminfo.find_first_of("0123456789", at + key.size());
    if (digit != meminfo.npos)
      std::from_chars(meminfo.data() + digit, meminfo.data() + meminfo.size(), value);
    return value;
  };
  return kilobytes("MemAvailable:") < kilobytes("MemTotal:") / 10;
}

}  // namespace berth::runtime
