// SPDX-License-Identifier: Apache-2.0
#include "base/disk_usage.hpp"

#include <fts.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <string>

namespace berth {

DiskUse disk_use(const std::filesystem::path& directory) {
  std::string path = directory.string();
  char* const roots[] = {path.data(), nullptr};
  FTS* walk = ::fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, nullptr);
  if (!walk) return {};
  DiskUse use;
  while (const FTSENT* entry = ::fts_read(walk))
    if (entry->fts_info != FTS_DP && entry->fts_statp && entry->fts_info != FTS_NS) {
      ++use.files;
      use.bytes +=
          static_cast<std::uint64_t>(entry->fts_statp->st_blocks) * 512 /
          (entry->fts_info == FTS_F ? std::max<nlink_t>(1, entry->fts_statp->st_nlink) : 1);
    }
  ::fts_close(walk);
  return use;
}

std::uint64_t disk_usage(const std::filesystem::path& directory) {
  return disk_use(directory).bytes;
}

std::uint64_t free_disk_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::uint64_t total_disk_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
}

}  // namespace berth
