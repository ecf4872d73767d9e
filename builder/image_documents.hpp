// SPDX-License-Identifier: Apache-2.0
//
// The JSON that other tools put around an image: OCI and docker manifests and indexes, and the
// manifest.json of `docker save`. Pure; what cannot be used is refused with a reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

/// One image, or further index, of an index.
struct ForeignEntry {
  Descriptor descriptor;
  std::string os;            ///< empty: not said
  std::string architecture;  ///< empty: not said
  std::string name;          ///< the reference that it was saved under, or empty
  bool is_index = false;
};

struct ForeignManifest {
  Descriptor config;
  std::vector<Descriptor> layers;  ///< base first, as they lie there: compressed or not
};

/// One image of `docker save`'s manifest.json: paths inside the archive.
struct SavedImage {
  std::string config;
  std::vector<std::string> names;
  std::vector<std::string> layers;
};

/// An OCI index or a docker manifest list. What belongs to no platform (attestations) is left out.
[[nodiscard]] Result<std::vector<ForeignEntry>> parse_foreign_index(std::string_view text);
/// An OCI manifest or docker's version 2, schema 2.
[[nodiscard]] Result<ForeignManifest> parse_foreign_manifest(std::string_view text);
[[nodiscard]] Result<std::vector<SavedImage>> parse_saved_images(std::string_view text);

/// The entry for this machine, or why there is none, naming those that there are.
[[nodiscard]] Result<ForeignEntry> choose_entry(const std::vector<ForeignEntry>& entries);

/// "debian", "docker.io/library/debian:latest" → "debian:latest": one name for one image. The
/// error says what is wrong with it. Digests ("@sha256:…") are kept.
[[nodiscard]] Result<std::string> normal_image_name(std::string_view name);

}  // namespace berth::builder
