// SPDX-License-Identifier: Apache-2.0
//
// Keeps the newest table on disk, written by a thread of its own: syncing a file can take long, and
// neither requests nor changes wait for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.hpp"
#include "router/table.hpp"

namespace berth::router {

class TableFile final {
 public:
  explicit TableFile(std::filesystem::path path);
  /// Writes what is not written yet.
  ~TableFile();

  /// An empty table if there is no file.
  [[nodiscard]] static Result<Table> load(const std::filesystem::path& path);
  /// Written as soon as the disk has taken the one before; of several meanwhile the last.
  void save(const Table& table);
  /// How long changes are to be gathered before the next save(), so that saving takes at most a
  /// fiftieth of a core: a table of ten thousand apps is megabytes.
  [[nodiscard]] std::chrono::microseconds pause() const {
    return std::chrono::microseconds(pause_us_.load(std::memory_order_relaxed));
  }

 private:
  void run();

  const std::filesystem::path path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Table> next_;
  bool stop_ = false;
  std::atomic<std::int64_t> pause_us_{0};
  std::thread thread_;
};

}  // namespace berth::router
