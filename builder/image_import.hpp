// SPDX-License-Identifier: Apache-2.0
//
// An image that was made elsewhere comes into the store: from an archive (`docker save`, an OCI
// archive) or from the directory of an OCI layout. Every digest is verified, every name is resolved
// inside the archive, sizes are bounded; the image's settings are kept as they are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

struct ImageImportLimits {
  std::uint64_t bytes = 16ULL << 30;  ///< of the archive's content, and again of all layers
  std::uint64_t files = 100'000;      ///< in the archive
  std::size_t layers = 96;            ///< an overlay mount has room for that many
};

struct ImportedImage {
  Image image;
  std::vector<std::string> names;  ///< that it was saved under, as they stand there
};

/// `work` is a directory that is not there yet, on any file system; removed after.
[[nodiscard]] Result<ImportedImage> import_image_archive(ImageStore& images,
                                                         const std::filesystem::path& archive,
                                                         const std::filesystem::path& work,
                                                         const ImageImportLimits& limits = {});
/// `directory` holds what an archive would: an OCI layout, or docker's manifest.json.
[[nodiscard]] Result<ImportedImage> import_image_directory(ImageStore& images,
                                                           const std::filesystem::path& directory,
                                                           const ImageImportLimits& limits = {});

}  // namespace berth::builder
