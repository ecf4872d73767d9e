// SPDX-License-Identifier: Apache-2.0
//
// Whole-file reads, crash-safe writes and temporary directories. Errors name the path.
#pragma once

#include <cstdint>
#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth {

/// open(2) with O_CLOEXEC added.
[[nodiscard]] Result<Fd> open_file(const std::filesystem::path& path, int flags,
                                   unsigned mode = 0644);

/// The file's content; `limit` bytes at most, more is an error of kind `limit`.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::uint64_t limit = 64 << 20);

/// After a crash the file has its old content or all of the new: written beside, synced, renamed.
[[nodiscard]] Result<void> write_file_atomic(const std::filesystem::path& path,
                                             std::string_view content, unsigned mode = 0644);

/// Creates or truncates the file; no promise after a crash.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::string_view content,
                                      unsigned mode = 0644);

/// Writes all of `data`, through short writes and EINTR.
[[nodiscard]] Result<void> write_all(int fd, std::string_view data);

/// Names in an open directory, sorted, without "." and "..".
[[nodiscard]] Result<std::vector<std::string>> names_in(int directory);

[[nodiscard]] Result<void> make_directories(const std::filesystem::path& path);
/// Removes a file or a whole tree; a path that is not there is success. Symbolic links and mounts
/// are not followed.
[[nodiscard]] Result<void> remove_tree(const std::filesystem::path& path);
/// The same of a tree that nobody changes meanwhile; ends with ErrorKind::cancelled soon after `stop`
/// is set.
[[nodiscard]] Result<void> remove_tree(const std::filesystem::path& path,
                                       const std::atomic<bool>& stop);

/// A new empty directory, removed with all its content when the owner goes.
class TempDir final {
 public:
  [[nodiscard]] static Result<TempDir> create(const std::filesystem::path& parent,
                                              std::string_view prefix = "berth-");
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace berth
