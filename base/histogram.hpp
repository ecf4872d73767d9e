// SPDX-License-Identifier: Apache-2.0
//
// Counts of values by size, as the router takes them of latencies and others read them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// Latencies in microseconds, eight buckets an octave: a value is known to 6 %.
namespace berth::histogram {

inline constexpr std::size_t bucket_count = 256;

[[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t us) {
  if (us < 8) return us;
  const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 1;
  const std::size_t bucket = (octave - 2) * 8 + ((us >> (octave - 3)) & 7);
  return bucket < bucket_count ? bucket : bucket_count - 1;
}
/// The smallest value that is beyond the bucket.
[[nodiscard]] constexpr std::uint64_t bucket_end(std::size_t bucket) {
  if (bucket < 8) return bucket + 1;
  const std::size_t octave = bucket / 8 + 2;
  return ((bucket % 8) + 9) << (octave - 3);
}

using Counts = std::array<std::uint64_t, bucket_count>;
/// The value below which `part` (0 to 1) of the counted ones lie; 0 if none are counted.
[[nodiscard]] std::uint64_t percentile(const Counts& counts, double part);

}  // namespace berth::histogram
