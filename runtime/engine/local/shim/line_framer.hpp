// SPDX-License-Identifier: Apache-2.0
//
// Cuts a process's output into log lines and decides how many of them are kept. Pure: no clock, no
// descriptor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::runtime::shim {

/// A line longer than the limit becomes several. A carriage return before the line feed is dropped.
class LineFramer final {
 public:
  static constexpr std::size_t line_limit = 10'000;

  template <class Sink>  // void(std::string_view line)
  void feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const std::size_t room = line_limit - held_.size();
      const std::size_t count = std::min({room, bytes.size(), end});
      held_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (!bytes.empty() && bytes.front() == '\n') {
        bytes.remove_prefix(1);
        if (!continued_ || !held_.empty()) emit(sink);
        continued_ = false;
      } else if (held_.size() == line_limit) {
        emit(sink);
        continued_ = true;
      }
    }
  }
  /// The end of the output: what came last without a line feed is a line too.
  template <class Sink>
  void finish(Sink&& sink) {
    if (!held_.empty()) emit(sink);
    continued_ = false;
  }

 private:
  template <class Sink>
  void emit(Sink&& sink) {
    std::string_view line = held_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    sink(line);
    held_.clear();
  }
  std::string held_;
  bool continued_ = false;  ///< the line's beginning was emitted already
};

/// A bucket of two seconds' worth of lines, of which a long one counts as several. What does not
/// fit is counted, and the count is asked for at most once a second.
class RateLimit final {
 public:
  static constexpr std::size_t line_bytes = 256;

  explicit RateLimit(std::uint32_t lines_per_second)
      : rate_(lines_per_second), tokens_(2.0 * lines_per_second) {}

  [[nodiscard]] bool allow(std::int64_t now_us, std::size_t bytes = 0) {
    refill(now_us);
    if (tokens_ >= 1) {
      tokens_ -= 1.0 + static_cast<double>(bytes / line_bytes);
      return true;
    }
    if (dropped_ == 0) first_drop_us_ = now_us;
    ++dropped_;
    return false;
  }
  /// The number of lines dropped since the last answer, or 0 if none or if a second has not passed
  /// since the first of them.
  [[nodiscard]] std::uint64_t take_dropped(std::int64_t now_us, bool at_end = false) {
    if (dropped_ == 0 || (!at_end && now_us - first_drop_us_ < 1'000'000)) return 0;
    const std::uint64_t result = dropped_;
    dropped_ = 0;
    return result;
  }
  [[nodiscard]] bool has_dropped() const { return dropped_ > 0; }
  [[nodiscard]] std::int64_t first_drop_us() const { return first_drop_us_; }

 private:
  void refill(std::int64_t now_us) {
    if (last_us_ != 0 && now_us > last_us_)
      tokens_ =
          std::min(2.0 * rate_, tokens_ + rate_ * static_cast<double>(now_us - last_us_) / 1e6);
    last_us_ = now_us;
  }
  double rate_;
  double tokens_;
  std::int64_t last_us_ = 0;
  std::int64_t first_drop_us_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace berth::runtime::shim
