// SPDX-License-Identifier: Apache-2.0
//
// What COPY and ADD of a Dockerfile take, and the layer that they make of it. Everything read lies
// in directories that do not change meanwhile; no link leads out of them, and nothing is written
// outside the layer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "builder/dockerignore.hpp"
#include "builder/root_view.hpp"

namespace berth::builder {

/// From where: the pushed directory, or the root of another stage or image.
struct CopyOrigin {
  RootView root;
  DockerIgnore ignore;   ///< what is not seen of it
  std::string what;      ///< "the pushed directory", "the stage build"
  bool shared = false;   ///< its files are a layer's: they are hard-linked, with owner and mode
};

struct CopySource {
  RootEntry entry;
  std::string name;  ///< the last part of what was asked for
};

/// The files and directories that these patterns name ('*', '?' and '[…]' in each part). One that
/// finds nothing is an error.
[[nodiscard]] Result<std::vector<CopySource>> find_copy_sources(
    const CopyOrigin& origin, const std::vector<std::string>& patterns);

/// Of what is in `sources`: a line a file, its path and how `ids` (path → kind and content) names
/// it. `prefix`: where the origin lies among the ids, "" or "worker/".
[[nodiscard]] std::string copy_fingerprint(const CopyOrigin& origin,
                                           const std::vector<CopySource>& sources,
                                           const std::map<std::string, std::string>& ids,
                                           const std::string& prefix);

struct CopyOptions {
  std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;  ///< --chown
  std::optional<std::uint32_t> mode;                             ///< --chmod
  bool unpack = false;                                           ///< ADD: archives are unpacked
};

class LayerWriter final {
 public:
  /// `root` is an existing empty directory; `image` is what lies below the layer; `scratch` a
  /// directory of its own for archives, made when needed.
  LayerWriter(std::filesystem::path root, const RootView& image, std::filesystem::path scratch,
              CopyOptions options)
      : root_(std::move(root)),
        image_(image),
        scratch_(std::move(scratch)),
        options_(std::move(options)) {}

  /// As COPY does: `target` is absolute; with a slash at its end, or several sources, a directory.
  [[nodiscard]] Result<void> copy(const CopyOrigin& origin, const std::vector<CopySource>& sources,
                                  const std::string& target);
  /// A file of its own, 0644 unless --chmod says otherwise.
  [[nodiscard]] Result<void> write(const std::string& target, const std::string& name,
                                   std::string_view content);
  /// Makes it, if the image has none.
  [[nodiscard]] Result<void> make_directory(const std::string& target);

 private:
  struct Owner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
  };
  [[nodiscard]] Result<void> place(const CopyOrigin& origin, const RootEntry& source,
                                   RootEntry target);
  [[nodiscard]] Result<void> place_content(const CopyOrigin& origin, const RootEntry& source,
                                           const RootEntry& target);
  [[nodiscard]] Result<void> place_file(const CopyOrigin& origin, const RootEntry& source,
                                        const std::filesystem::path& to) const;
  [[nodiscard]] Result<void> unpack(const RootEntry& archive, const RootEntry& target);
  /// Every directory down to `path`, as the image has it; new ones like `like`.
  [[nodiscard]] Result<void> ensure(const std::string& path, const struct stat* like = nullptr);
  [[nodiscard]] Owner owner_of(const CopyOrigin& origin, const struct stat& status) const;

  std::filesystem::path root_;
  const RootView& image_;
  std::filesystem::path scratch_;
  CopyOptions options_;
  std::set<std::string> made_;
  int archives_ = 0;
};

}  // namespace berth::builder
