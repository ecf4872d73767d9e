// SPDX-License-Identifier: Apache-2.0
//
// Keeps the newest table on disk, written by a thread of its own: syncing a file can take long, and
// neither requests nor changes wait for it.
#pragma once

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

 private:
  void run();

  const std::filesystem::path path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Table> next_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace berth::router
