// SPDX-License-Identifier: Apache-2.0
//
// The same numbers from the same seed on every machine and library (std's distributions promise
// that nowhere): a failing seed fails again. SplitMix64.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace berth::sim {

class Random final {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }
  /// From `least` to `most`, both possible.
  int between(int least, int most) {
    return least + static_cast<int>(next() % static_cast<std::uint64_t>(most - least + 1));
  }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<std::int64_t>(
                       next() % static_cast<std::uint64_t>((most - least).count() + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace berth::sim
