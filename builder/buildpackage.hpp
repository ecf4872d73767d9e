// SPDX-License-Identifier: Apache-2.0
//
// A buildpackage: buildpacks as an OCI image whose layers hold /cnb/buildpacks/<id>/<version>
// (specs/cnb.md 1.13). As a directory (an OCI image layout), or that directory in a tar, *.cnb.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/buildpack.hpp"

namespace berth::builder {

struct Buildpackage {
  BuildpackRef main;                           ///< what the package is for
  std::vector<std::filesystem::path> folders;  ///< of all its buildpacks, the main one included
};

/// Unpacks the layers of the layout at `layout` into `target`, which is made. Blobs must have the
/// digest that names them.
[[nodiscard]] Result<Buildpackage> unpack_buildpackage(const std::filesystem::path& layout,
                                                       const std::filesystem::path& target);
/// Whether a directory is an OCI image layout.
[[nodiscard]] bool is_image_layout(const std::filesystem::path& directory);

// What its JSON says; everything in it was written by others.

/// The manifest for linux on this machine's architecture, or the only one: its digest.
[[nodiscard]] Result<std::string> choose_manifest(std::string_view index);
struct PackageManifest {
  std::string media_type;           ///< of an index: its manifests are chosen from once more
  std::string config;               ///< digest
  std::vector<std::string> layers;  ///< digests of blobs that may be compressed
};
[[nodiscard]] Result<PackageManifest> parse_package_manifest(std::string_view manifest);
/// From the label io.buildpacks.buildpackage.metadata.
[[nodiscard]] Result<BuildpackRef> parse_package_config(std::string_view config);

}  // namespace berth::builder
