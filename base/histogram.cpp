// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.hpp"

namespace berth::histogram {

std::uint64_t percentile(const Counts& counts, double part) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0) return 0;
  const double wanted = part * static_cast<double>(total);
  double seen = 0;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    if (counts[bucket] == 0) continue;
    const auto here = static_cast<double>(counts[bucket]);
    if (seen + here >= wanted) {
      const auto begin = static_cast<double>(bucket == 0 ? 0 : bucket_end(bucket - 1));
      const auto end = static_cast<double>(bucket_end(bucket));
      return static_cast<std::uint64_t>(begin + (end - begin) * ((wanted - seen) / here));
    }
    seen += here;
  }
  return bucket_end(bucket_count - 1);
}

}  // namespace berth::histogram
