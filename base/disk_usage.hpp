// SPDX-License-Identifier: Apache-2.0
//
// What trees of files take on a disk.
#pragma once

#include <cstdint>
#include <filesystem>

namespace berth {

struct DiskUse {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;  ///< of every kind, directories too: each takes an inode
  friend bool operator==(const DiskUse&, const DiskUse&) = default;
};

/// What the files below take; hard links count once each, mounts are not crossed.
[[nodiscard]] DiskUse disk_use(const std::filesystem::path& directory);
/// Bytes that the files below take on disk; hard links count once each, mounts are not crossed.
[[nodiscard]] std::uint64_t disk_usage(const std::filesystem::path& directory);
/// Bytes that an ordinary user could still write to the file system of `path`; 0 if that cannot be
/// told.
[[nodiscard]] std::uint64_t free_disk_bytes(const std::filesystem::path& path);
/// The size of that file system; 0 if it cannot be told.
[[nodiscard]] std::uint64_t total_disk_bytes(const std::filesystem::path& path);

}  // namespace berth
