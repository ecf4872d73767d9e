// SPDX-License-Identifier: Apache-2.0
//
// How a replica fares, as one thread has seen it: what choose_replica() goes by. Its load is the
// number of its requests times how long it lets them wait for an answer, a peak-sensitive mean
// (peak EWMA, as in Finagle): a slow answer counts at once, and is forgotten over seconds. It
// counts by octaves: an app's requests are not alike, and one that takes long must not send all
// others to the next replica. Those without a request are alike. One that has just come takes less
// at first; one that accepts no connection, or answers several requests in a row with errors, is
// set aside for a while that doubles. One that nearly always answers before a thread could fall
// asleep and be woken is waited for awake. Pure: times are given.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "router/choose.hpp"

namespace berth::router {

class Standing final {
 public:
  static constexpr std::int64_t quick_us = 1'000;  ///< below, differences are of no matter
  static constexpr std::int64_t memory_us = 5'000'000;
  static constexpr std::int64_t slow_start_us = 10'000'000;
  static constexpr int bad_in_a_row = 5;
  static constexpr std::int64_t shortest_aside_us = 2'000'000;
  static constexpr std::int64_t longest_aside_us = 60'000'000;
  static constexpr std::int64_t prompt_us = 60;  ///< about two wake-ups of a thread

  /// It has come now, and is taken to be as quick as `guess_us`; with `slow_start`, beside others.
  void begin(std::int64_t now_us, std::int64_t guess_us, bool slow_start) {
    wait_us_ = static_cast<double>(guess_us);
    seen_us_ = now_us;
    warm_us_ = slow_start ? now_us + slow_start_us : 0;
  }

  /// The first byte of an answer came; `waited_us` after the request was sent, or -1 if the time
  /// tells nothing (the client was still sending).
  void answered(std::int64_t waited_us, bool well, std::int64_t now_us) {
    if (waited_us >= 0) observe(static_cast<double>(waited_us), now_us);
    if (waited_us < 0 || waited_us > prompt_us) {
      prompt_ = std::max(prompt_ - 4, 0);
    } else {
      prompt_ = std::min(prompt_ + 1, most_prompt);
    }
    if (!well) {
      disappointed(now_us);
      return;
    }
    bad_ = times_aside_ = 0;
  }
  /// No answer, or none that is one.
  void disappointed(std::int64_t now_us) {
    if (++bad_ >= bad_in_a_row) refused(now_us);
  }
  /// It accepts no connection.
  void refused(std::int64_t now_us) {
    bad_ = 0;
    aside_until_us_ = now_us + std::min(shortest_aside_us << times_aside_, longest_aside_us);
    times_aside_ = std::min(times_aside_ + 1, 5);
  }

  [[nodiscard]] bool is_aside(std::int64_t now_us) const { return aside_until_us_ > now_us; }
  /// More than four of five answers come within `prompt_us`.
  [[nodiscard]] bool is_prompt() const { return prompt_ >= most_prompt / 2; }
  [[nodiscard]] std::int64_t wait_us(std::int64_t now_us) const {
    return static_cast<std::int64_t>(wait_us_ * kept(now_us));
  }
  /// With so many requests on it. Of one that is set aside, `avoided` more.
  [[nodiscard]] std::uint64_t load(std::uint32_t in_flight, std::int64_t now_us) const {
    const auto octaves = static_cast<std::uint64_t>(
        std::bit_width(static_cast<std::uint64_t>(wait_us(now_us) / quick_us)));
    std::uint64_t load = part * (octaves + 1) * in_flight;
    if (now_us < warm_us_) {
      // From a tenth of its share to all of it.
      const std::int64_t age = slow_start_us - (warm_us_ - now_us);
      load = load * slow_start_us /
             static_cast<std::uint64_t>(std::max(age, slow_start_us / 10));
    }
    return load + (is_aside(now_us) ? avoided : 0);
  }

 private:
  static constexpr std::uint64_t part = 16;  ///< so that a slow start is felt in small loads

  static constexpr int most_prompt = 32;

  /// The part of what was seen last that still counts.
  [[nodiscard]] double kept(std::int64_t now_us) const {
    if (wait_us_ <= static_cast<double>(quick_us)) return 1;
    return std::exp(-static_cast<double>(now_us - seen_us_) / static_cast<double>(memory_us));
  }
  void observe(double waited_us, std::int64_t now_us) {
    const double old = kept(now_us);
    wait_us_ = std::max(waited_us, wait_us_ * old + waited_us * (1 - old));
    seen_us_ = now_us;
  }

  double wait_us_ = 0;
  std::int64_t seen_us_ = 0;
  std::int64_t warm_us_ = 0;         ///< it takes its whole share from then on
  std::int64_t aside_until_us_ = 0;
  int bad_ = 0;                      ///< answers in a row
  int prompt_ = 0;                   ///< more with each prompt answer, less with each other one
  int times_aside_ = 0;              ///< since it answered well
};

}  // namespace berth::router
