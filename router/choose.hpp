// SPDX-License-Identifier: Apache-2.0
//
// Which replica takes a request: of two drawn at random, the one with the smaller load. Two choices
// spread nearly as well as asking all of them, and a burst does not fall on the one that looked
// idle (Mitzenmacher 2001). Before that, whether it is one of a canary's. Pure: the loads and the
// random numbers are given.
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::router {

/// splitmix64: small, seeded, good enough for balancing and ids; not for secrets.
class Random final {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  [[nodiscard]] std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound), bound > 0, by multiplication; the bias is below 2^-32 × bound.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

/// Marks a replica to be used only if nothing better is there (it is set aside, or this very
/// request failed on it): added to its load.
inline constexpr std::uint64_t avoided = std::uint64_t{1} << 60;

/// The index of the chosen replica among `count` (at least one); `load(index)` is its load, plus
/// `avoided`.
template <class Load>
[[nodiscard]] std::size_t choose_replica(std::size_t count, Random& random, Load&& load) {
  if (count == 1) return 0;
  const auto n = static_cast<std::uint32_t>(count);
  const std::uint32_t first = random.below(n);
  std::uint32_t second = random.below(n - 1);
  if (second >= first) ++second;
  const std::uint64_t first_load = load(first);
  const std::uint64_t second_load = load(second);
  if (first_load < avoided || second_load < avoided)
    return second_load < first_load ? second : first;
  // Both are bad: look at all.
  std::size_t best = first;
  std::uint64_t best_load = first_load;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (const std::uint64_t candidate = load(i); candidate < best_load) {
      best = i;
      best_load = candidate;
    }
  }
  return best;
}

struct Group {
  std::size_t begin = 0;
  std::size_t count = 0;
};

/// Which of `count` replicas (at least one) are to be chosen from: the first `regulars`, or, for
/// `percent` of the requests, the canaries behind them.
[[nodiscard]] inline Group choose_group(std::size_t regulars, std::size_t count,
                                        std::uint32_t percent, Random& random) {
  if (regulars == count) return {0, count};
  if (regulars == 0 || (percent > 0 && random.below(100) < percent))
    return {regulars, count - regulars};
  return {0, regulars};
}

}  // namespace berth::router
