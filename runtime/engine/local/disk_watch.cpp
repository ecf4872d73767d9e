// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/disk_watch.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>

namespace berth::runtime {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto interval = std::chrono::milliseconds(500);
/// Without a sign layers are measured this often, or as seldom as this share of the time allows.
constexpr auto longest_pause = std::chrono::seconds(5);
constexpr int share_of_time = 400;
/// A fall below an eighth of the smallest limit is not worth a walk.
constexpr std::uint64_t notable_share = 8;

DiskUse use_of(const WatchedDisk& disk) {
  DiskUse total;
  for (const auto& directory : disk.directories) {
    const DiskUse use = disk_use(directory);
    total.bytes += use.bytes;
    total.files += use.files;
  }
  return total;
}

/// The file system that it is on; 0 if it is not there.
dev_t device_of(const WatchedDisk& disk) {
  struct stat status {};
  if (disk.directories.empty() || ::stat(disk.directories.front().c_str(), &status) != 0) return 0;
  return status.st_dev;
}

DiskUse grown(const DiskUse& now, const DiskUse& base) {
  return {.bytes = now.bytes - std::min(now.bytes, base.bytes),
          .files = now.files - std::min(now.files, base.files)};
}

/// The mark that a later look is compared with: what is free grew, or fell by something notable.
std::uint64_t mark(std::uint64_t before, std::uint64_t free, std::uint64_t limit, bool& fallen) {
  if (free > before) return free;  // so that a delete elsewhere hides nothing
  if (before - free < limit / notable_share) return before;
  fallen = true;
  return free;
}

}  // namespace

DiskWatch::DiskWatch() : thread_([this] { run(); }) {}

DiskWatch::~DiskWatch() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void DiskWatch::watch(const std::string& key, WatchedDisk disk) {
  const DiskUse base = disk.growth_only ? use_of(disk) : DiskUse{};
  const std::scoped_lock lock(mutex_);
  const dev_t device = device_of(disk);
  entries_[key] = Entry{.disk = std::move(disk), .device = device, .base = base};
  wake_.notify_all();
}

void DiskWatch::forget(const std::string& key) {
  std::unique_lock lock(mutex_);
  entries_.erase(key);
  wake_.wait(lock, [&] { return measuring_ != key; });
}

void DiskWatch::run() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    if (entries_.empty()) {
      wake_.wait(lock, [this] { return closing_ || !entries_.empty(); });
      continue;
    }
    wake_.wait_for(lock, interval, [this] { return closing_; });
    if (closing_ || !is_due()) continue;
    lock.unlock();
    const auto begun = Clock::now();
    measure();
    const auto ended = Clock::now();
    lock.lock();
    next_measure_ =
        ended + std::max<Clock::duration>(longest_pause, share_of_time * (ended - begun));
  }
}

bool DiskWatch::is_due() {
  const bool fallen = space_has_fallen();
  // The first mark may be from after a write.
  const bool any_new = std::any_of(entries_.begin(), entries_.end(),
                                   [](const auto& entry) { return !entry.second.measured; });
  return fallen || any_new || Clock::now() >= next_measure_;
}

bool DiskWatch::space_has_fallen() {
  DiskUse smallest{.bytes = UINT64_MAX, .files = UINT64_MAX};
  for (const auto& [key, entry] : entries_)
    smallest = {.bytes = std::min(smallest.bytes, entry.disk.limit_bytes),
                .files = std::min(smallest.files, entry.disk.limit_files)};
  bool fallen = false;
  std::map<dev_t, DiskUse> now;
  for (const auto& [key, entry] : entries_) {
    if (entry.disk.directories.empty() || now.contains(entry.device)) continue;
    struct statvfs system {};
    if (::statvfs(entry.disk.directories.front().c_str(), &system) != 0) continue;
    const DiskUse free{.bytes = static_cast<std::uint64_t>(system.f_bfree) * system.f_frsize,
                       .files = system.f_ffree};
    const auto before = free_.find(entry.device);
    now[entry.device] =
        before == free_.end()
            ? free
            : DiskUse{.bytes = mark(before->second.bytes, free.bytes, smallest.bytes, fallen),
                      .files = mark(before->second.files, free.files, smallest.files, fallen)};
  }
  free_ = std::move(now);
  return fallen;
}

void DiskWatch::measure() {
  std::vector<std::string> keys;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, entry] : entries_) keys.push_back(key);
  }
  for (const auto& key : keys) {
    WatchedDisk disk;
    DiskUse base;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = entries_.find(key);
      if (found == entries_.end() || found->second.told || closing_) continue;
      found->second.measured = true;
      disk = found->second.disk;
      base = found->second.base;
      measuring_ = key;
    }
    const DiskUse counted = grown(use_of(disk), base);
    const bool over = counted.bytes > disk.limit_bytes || counted.files > disk.limit_files;
    bool call = false;
    if (over) {
      const std::scoped_lock lock(mutex_);
      const auto found = entries_.find(key);
      call = found != entries_.end();
      if (call) found->second.told = true;
    }
    if (call) disk.over_limit(counted);
    const std::scoped_lock lock(mutex_);
    measuring_.clear();
    wake_.notify_all();
  }
}

}  // namespace berth::runtime
