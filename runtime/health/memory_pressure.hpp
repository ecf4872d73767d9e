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

/// A line of the text of /proc/meminfo, in bytes; 0 if it is not there.
[[nodiscard]] inline std::uint64_t meminfo_bytes(std::string_view meminfo, std::string_view key) {
  std::uint64_t kilobytes = 0;
  const auto at = meminfo.find(key);
  if (at == meminfo.npos) return kilobytes;
  const auto digit = meminfo.find_first_of("0123456789", at + key.size());
  if (digit != meminfo.npos)
    std::from_chars(meminfo.data() + digit, meminfo.data() + meminfo.size(), kilobytes);
  return kilobytes << 10;
}

[[nodiscard]] inline std::uint64_t memory_total(std::string_view meminfo) {
  return meminfo_bytes(meminfo, "MemTotal:");
}

/// Less than a tenth of the machine's memory can still be had.
[[nodiscard]] inline bool memory_is_tight(std::string_view meminfo) {
  return meminfo_bytes(meminfo, "MemAvailable:") < memory_total(meminfo) / 10;
}

}  // namespace berth::runtime
