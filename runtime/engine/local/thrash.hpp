// SPDX-License-Identifier: Apache-2.0
//
// A process whose own memory has reached its cgroup's limit can live on for minutes without ever
// being killed: the kernel takes back its program's pages and reads them again from disk, over and
// over, and counts that as progress. Thrash tells this state from honest use by three signs that
// must last: the group is full, full of anonymous memory, and reads pages back all the time.
#pragma once

#include <cstdint>

namespace berth::runtime {

struct MemorySample {
  std::uint64_t limit_bytes = 0;  ///< 0: none
  std::uint64_t used_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t major_faults = 0;  ///< since the group began
};

class Thrash final {
 public:
  /// One sample a second; true once the group has thrashed for three in a row.
  [[nodiscard]] bool note(const MemorySample& sample) {
    const std::uint64_t faults = sample.major_faults - before_;
    before_ = sample.major_faults;
    const bool full = sample.limit_bytes != 0 && sample.used_bytes >= share(sample, 99) &&
                      sample.anonymous_bytes >= share(sample, 90);
    seconds_ = full && faults >= notable_faults ? seconds_ + 1 : 0;
    return seconds_ >= patience;
  }

 private:
  static constexpr std::uint64_t notable_faults = 50;
  static constexpr int patience = 3;

  static std::uint64_t share(const MemorySample& sample, std::uint64_t percent) {
    return sample.limit_bytes / 100 * percent;
  }

  std::uint64_t before_ = 0;
  int seconds_ = 0;
};

}  // namespace berth::runtime
