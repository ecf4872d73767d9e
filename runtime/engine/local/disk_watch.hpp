// SPDX-License-Identifier: Apache-2.0
//
// Keeps writable layers within their size where the file system has no quotas: looks at what is
// free every half second, which costs nothing, and measures the layers when it has fallen.
// Somebody else's deletes can hide a write from that, so layers are also measured now and then
// without a sign.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/disk_usage.hpp"

namespace berth::runtime {

/// How many files belong to so many bytes: each takes an inode, of which a disk has one for so many
/// bytes, too. Enough for what is small.
[[nodiscard]] constexpr std::uint64_t files_for(std::uint64_t bytes) {
  return bytes / 8192 < 10'000 ? 10'000 : bytes / 8192;
}

struct WatchedDisk {
  std::vector<std::filesystem::path> directories;
  std::uint64_t limit_bytes = 0;
  std::uint64_t limit_files = UINT64_MAX;
  bool growth_only = false;  ///< what is there at the beginning does not count
  /// Called once, on the watch's thread, with what was measured.
  std::function<void(const DiskUse&)> over_limit;
};

class DiskWatch final {
 public:
  DiskWatch();
  ~DiskWatch();
  void watch(const std::string& key, WatchedDisk disk);
  /// When it returns, the callback does not run and will not.
  void forget(const std::string& key);

 private:
  struct Entry {
    WatchedDisk disk;
    dev_t device = 0;
    DiskUse base;
    bool told = false;
    bool measured = false;
  };
  void run();
  [[nodiscard]] bool is_due();
  [[nodiscard]] bool space_has_fallen();
  void measure();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
  std::map<std::string, Entry> entries_;
  std::string measuring_;  ///< the key whose callback may be running
  std::map<dev_t, DiskUse> free_;  ///< by file system, when last measured
  std::chrono::steady_clock::time_point next_measure_;  ///< at the latest
  std::thread thread_;
};

}  // namespace berth::runtime
