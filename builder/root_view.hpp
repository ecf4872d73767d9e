// SPDX-License-Identifier: Apache-2.0
//
// Layers as the root that a program inside would see, read from outside: paths are resolved with
// the symbolic links of the layers, inside the root, whatever they say. For Dockerfiles' COPY. The
// layers must not change meanwhile.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/overlay_entry.hpp"

namespace berth::builder {

struct RootEntry {
  OverlayEntry entry;
  std::string path;  ///< without links and without a leading slash; "" is the root
  [[nodiscard]] bool there() const { return entry.kind != OverlayEntry::Kind::absent; }
  [[nodiscard]] bool is_directory() const { return entry.kind == OverlayEntry::Kind::directory; }
  [[nodiscard]] bool is_file() const { return !is_directory() && S_ISREG(entry.status.st_mode); }
  [[nodiscard]] bool is_link() const { return !is_directory() && S_ISLNK(entry.status.st_mode); }
};

class RootView final {
 public:
  /// `layers`: top first.
  explicit RootView(std::vector<std::filesystem::path> layers) : layers_(std::move(layers)) {}

  /// Follows links, also at the end. What is not there has the path at which it would be made: its
  /// missing end is taken as it stands. Too many links, or a file on the way, are errors.
  [[nodiscard]] Result<RootEntry> find(std::string_view path) const;
  [[nodiscard]] RootEntry child(const RootEntry& directory, const std::string& name) const;
  /// Sorted.
  [[nodiscard]] std::vector<std::string> names(const RootEntry& directory) const;
  [[nodiscard]] static Result<std::string> link_target(const RootEntry& link);

 private:
  std::vector<std::filesystem::path> layers_;
};

}  // namespace berth::builder
