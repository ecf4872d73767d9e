// SPDX-License-Identifier: Apache-2.0
//
// libarchive's reader with an owner. Only the compressions that images and source archives come in:
// "all" would also take encodings that start other programs. Only for .cpp files of this folder.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::builder {

struct ReadArchiveDeleter {
  void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};
using ReadArchive = std::unique_ptr<archive, ReadArchiveDeleter>;

inline Error archive_failure(archive* handle, std::string_view what) {
  const char* text = archive_error_string(handle);
  return {ErrorKind::invalid, std::string(what) + ": " + (text ? text : "unreadable archive")};
}

/// Formats are the caller's to choose before.
inline Result<void> open_archive(archive* handle, const std::filesystem::path& path) {
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_zstd(handle);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_bzip2(handle);
  if (archive_read_open_filename(handle, path.c_str(), 1 << 20) != ARCHIVE_OK)
    return archive_failure(handle, path.string());
  return {};
}

}  // namespace berth::builder
