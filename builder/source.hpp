// SPDX-License-Identifier: Apache-2.0
//
// The tree of a commit becomes a directory, straight from git's object database: no clone, no
// checkout. The directory is kept between builds, and only what differs is written, so that the
// times of unchanged files stay and compilers can trust them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/path_patterns.hpp"

namespace berth::builder {

struct GitSource;

struct SourceLimits {
  std::uint64_t file_bytes = 256ULL << 20;
  std::uint64_t total_bytes = 1ULL << 30;
  std::uint64_t files = 200'000;
};

/// Which part of the commit's tree.
struct SourceSelection {
  std::string directory = {};  ///< only what is in it; empty: all
  PathFilter filter = {};
};

struct SourceTree {
  std::string tree;  ///< id of the commit's tree
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;         ///< of the files
  std::uint64_t written = 0;       ///< files that had to be written
  std::vector<std::string> notes;  ///< for the build log: what was left out, and why
};

/// The id of the commit's tree; reads two objects.
[[nodiscard]] Result<std::string> source_tree_id(const GitSource& source);

/// A file of the commit; nothing if there is none. A link or a directory of that name is no file.
[[nodiscard]] Result<std::optional<std::string>> read_source_file(const GitSource& source,
                                                                  const std::string& path,
                                                                  std::uint64_t limit = 1 << 20);

/// What export_source() left in `directory`: path in the tree → its kind and, for a file or link,
/// git's id of the content. A directory's entry has no id.
[[nodiscard]] Result<std::map<std::string, std::string>> read_source_list(
    const std::filesystem::path& directory);

/// Makes `directory`/tree equal to the commit's tree, owned by uid:gid. `directory`/list is what
/// the tree held after the last export; without a whole one the tree is made anew. One export a
/// directory at a time.
[[nodiscard]] Result<SourceTree> export_source(const GitSource& source,
                                               const std::filesystem::path& directory,
                                               std::uint32_t uid, std::uint32_t gid,
                                               const SourceLimits& limits = {},
                                               const SourceSelection& selection = {});

}  // namespace berth::builder
