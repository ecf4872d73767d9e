// SPDX-License-Identifier: Apache-2.0
//
// How much a connection of HTTP/2 may ask for that serves no request, before it is ended: frames
// cost a client nothing, and each costs us something (CVE-2019-9511 to 9518, CVE-2023-44487,
// CVE-2025-8671). Pure: a bucket that fills with time and with requests that were answered.
#pragma once

#include <algorithm>
#include <cstdint>

namespace berth::router::http2 {

class Patience final {
 public:
  /// A browser that leaves a page cancels a hundred requests at once; none does five hundred a
  /// second time within moments.
  static constexpr std::int64_t burst = 500;
  static constexpr std::int64_t per_second = 20;
  static constexpr std::int64_t max_allowance = 1000;

  explicit Patience(std::int64_t now_us) : filled_us_(now_us) {}

  /// A frame that is a nuisance; false once there were too many.
  [[nodiscard]] bool lose(std::int64_t now_us, std::int64_t count = 1) {
    const std::int64_t gained = (now_us - filled_us_) * per_second / 1'000'000;
    if (gained > 0) {
      left_ = std::min(burst, left_ + gained);
      filled_us_ = now_us;
    }
    left_ -= count;
    return left_ > 0;
  }
  /// A frame that useful ones bring along, like a WINDOW_UPDATE: only too many are a nuisance.
  [[nodiscard]] bool control(std::int64_t now_us) {
    if (allowance_ > 0) {
      --allowance_;
      return true;
    }
    return lose(now_us);
  }
  /// Something useful went out: control frames may answer it.
  void allow(std::int64_t count) { allowance_ = std::min(max_allowance, allowance_ + count); }
  /// A request was answered to its end, or a good part of an answer was taken.
  void regain() { left_ = std::min(burst, left_ + 1); }

 private:
  std::int64_t left_ = burst;
  std::int64_t allowance_ = 0;
  std::int64_t filled_us_;
};

}  // namespace berth::router::http2
