// SPDX-License-Identifier: Apache-2.0
#include "builder/overlay_entry.hpp"

#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <memory>

namespace berth::builder {

namespace fs = std::filesystem;

bool is_overlay_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

bool has_overlay_attribute(const fs::path& path, const char* name, char wanted) {
  char value[2] = {};
  return ::lgetxattr(path.c_str(), name, value, sizeof value) == 1 &&
         (wanted == 0 || value[0] == wanted);
}

/// "user." is what an overlay mounted in a user namespace writes.
bool is_overlay_opaque(const fs::path& path) {
  return has_overlay_attribute(path, "trusted.overlay.opaque", 'y') ||
         has_overlay_attribute(path, "user.overlay.opaque", 'y');
}

std::set<std::string> directory_names(const fs::path& directory) {
  std::set<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (!stream) return names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.insert(name);
  }
  return names;
}

OverlayEntry overlay_child(const std::vector<fs::path>& parents, const std::string& name) {
  OverlayEntry result;
  for (const auto& parent : parents) {
    const fs::path path = parent / name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) continue;
    if (is_overlay_whiteout(status)) break;
    const bool first = result.paths.empty();
    if (!S_ISDIR(status.st_mode)) {
      if (first) result = {OverlayEntry::Kind::other, {path}, status};
      break;
    }
    if (first) {
      result.kind = OverlayEntry::Kind::directory;
      result.status = status;
    }
    result.paths.push_back(path);
    if (is_overlay_opaque(path)) break;
  }
  return result;
}

}  // namespace berth::builder
