// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/disk_watch.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>

#include "base/disk_usage.hpp"

namespace berth::runtime {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto interval = std::chrono::milliseconds(500);
/// Without a sign layers are measured this often, or in a fiftieth of the time if that is longer.
constexpr auto longest_pause = std::chrono::seconds(5);
constexpr int share_of_time = 50;
/// A fall below an eighth of the smallest limit is not worth a walk.
constexpr std::uint64_t notable_share = 8;

std::uint64_t usage_of(const WatchedDisk& disk) {
  std::uint64_t total = 0;
  for (const auto& directory : disk.directories) total += disk_usage(directory);
  return total;
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
  const std::uint64_t base = disk.growth_only ? usage_of(disk) : 0;
  const std::scoped_lock lock(mutex_);
  entries_[key] = Entry{.disk = std::move(disk), .base_bytes = base};
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
  std::uint64_t smallest = UINT64_MAX;
  for (const auto& [key, entry] : entries_) smallest = std::min(smallest, entry.disk.limit_bytes);
  bool fallen = false;
  std::map<std::string, std::uint64_t> now;
  for (const auto& [key, entry] : entries_) {
    if (entry.disk.directories.empty()) continue;
    struct statvfs system {};
    if (::statvfs(entry.disk.directories.front().c_str(), &system) != 0) continue;
    const std::string id = std::to_string(system.f_fsid);
    const std::uint64_t free = static_cast<std::uint64_t>(system.f_bfree) * system.f_frsize;
    const auto before = free_bytes_.find(id);
    // Free space that grew raises the mark, so that a delete elsewhere hides nothing.
    if (before == free_bytes_.end()) now[id] = free;
    else if (free > before->second) now[id] = free;
    else if (before->second - free >= smallest / notable_share) fallen = true, now[id] = free;
    else now[id] = before->second;
  }
  free_bytes_ = std::move(now);
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
    std::uint64_t base = 0;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = entries_.find(key);
      if (found == entries_.end() || found->second.told || closing_) continue;
      found->second.measured = true;
      disk = found->second.disk;
      base = found->second.base_bytes;
      measuring_ = key;
    }
    const std::uint64_t used = usage_of(disk);
    const std::uint64_t counted = used - std::min(used, base);
    const bool over = counted > disk.limit_bytes;
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
