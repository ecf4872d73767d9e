// SPDX-License-Identifier: Apache-2.0
//
// An overlay mount seen from outside, by its upper and lower directories: what it shows, what
// changed, and how a directory of it becomes one on disk without copying. Everything in it was
// written by a build: no symbolic link is ever followed, nothing but plain files is read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

enum class TreeChange {
  absent,     ///< not there (any more)
  unchanged,  ///< as in the lower directories; only what the upper one says again was read
  replaced,   ///< all of it is new
  modified,   ///< new and old files together
};

class MergedTree final {
 public:
  /// `lowers`: top first.
  MergedTree(std::filesystem::path upper, std::vector<std::filesystem::path> lowers);

  /// The content of a plain file; nothing if there is none. A link or a pipe in its place is an
  /// error.
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& path,
                                                        std::uint64_t limit = 1 << 20) const;
  /// Names in a directory, sorted; empty if there is none.
  [[nodiscard]] std::vector<std::string> list(const std::string& path) const;
  /// A directory, or a link that may lead to one.
  [[nodiscard]] bool looks_like_directory(const std::string& path) const;
  [[nodiscard]] bool is_directory(const std::string& path) const;
  [[nodiscard]] TreeChange change_of(const std::string& path) const;

  /// Makes `to` what the mount showed at `path` ("" is its root): files of the upper directory are
  /// moved, those of lower ones hard-linked. The mount must be gone. `to` must not exist.
  [[nodiscard]] Result<void> take(const std::string& path, const std::filesystem::path& to) const;
  /// Makes `lower`, the one lower directory at a path that is `modified`, what the mount showed
  /// there: where little of many files changed, far less work. No other may be using it.
  [[nodiscard]] Result<void> update(const std::string& path,
                                    const std::filesystem::path& lower) const;

 private:
  struct Found;
  [[nodiscard]] Found find(const std::string& path) const;
  std::filesystem::path upper_;
  std::vector<std::filesystem::path> layers_;  ///< upper first
};

}  // namespace berth::builder
