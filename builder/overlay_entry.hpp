// SPDX-License-Identifier: Apache-2.0
//
// What an overlay mount shows for one name, worked out from its directories. No symbolic link is
// followed: a path is walked name by name.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace berth::builder {

/// What an overlay shows for one name, given the directories that are merged above it.
struct OverlayEntry {
  enum class Kind { absent, other, directory } kind = Kind::absent;
  /// One for `other`; the merged ones, top first, for `directory`.
  std::vector<std::filesystem::path> paths;
  struct stat status {};  ///< of the first
};

[[nodiscard]] OverlayEntry overlay_child(const std::vector<std::filesystem::path>& parents,
                                         const std::string& name);
[[nodiscard]] std::set<std::string> directory_names(const std::filesystem::path& directory);

[[nodiscard]] bool is_overlay_whiteout(const struct stat& status);
/// `wanted` 0: whatever its value.
[[nodiscard]] bool has_overlay_attribute(const std::filesystem::path& path, const char* name,
                                         char wanted);
[[nodiscard]] bool is_overlay_opaque(const std::filesystem::path& path);

}  // namespace berth::builder
