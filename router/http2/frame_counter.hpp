// SPDX-License-Identifier: Apache-2.0
//
// How many frames a peer of HTTP/2 sent: nghttp2 says nothing of those that it drops, as what comes
// for a stream that has ended, and a client can send these without end. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace berth::router::http2 {

class FrameCounter final {
 public:
  /// Larger frames of DATA are no nuisance whatever they are for, and are not counted.
  static constexpr std::size_t large_data = 256;

  [[nodiscard]] static bool counts(std::uint8_t type, std::size_t length) {
    return type != 0 || length < large_data;
  }

  /// The next bytes of the connection, from its preface on; of how many frames that count they
  /// brought the end of the head.
  [[nodiscard]] std::int64_t feed(std::string_view bytes) {
    std::int64_t count = 0;
    for (;;) {
      const std::size_t skipped = std::min(to_skip_, bytes.size());
      to_skip_ -= skipped;
      bytes.remove_prefix(skipped);
      const std::size_t taken = std::min(head_.size() - head_size_, bytes.size());
      std::copy_n(bytes.begin(), taken, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
      head_size_ += taken;
      bytes.remove_prefix(taken);
      if (head_size_ < head_.size()) return count;
      head_size_ = 0;
      const auto at = [this](std::size_t i) { return static_cast<std::uint8_t>(head_[i]); };
      to_skip_ = std::size_t{at(0)} << 16 | std::size_t{at(1)} << 8 | at(2);
      if (counts(at(3), to_skip_)) ++count;
    }
  }

 private:
  static constexpr std::size_t preface = 24;
  std::size_t to_skip_ = preface;
  std::array<char, 9> head_{};  ///< length and type come first
  std::size_t head_size_ = 0;
};

}  // namespace berth::router::http2
