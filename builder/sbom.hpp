// SPDX-License-Identifier: Apache-2.0
//
// Software bills of materials that a buildpack leaves beside its layers (specs/cnb.md 1.6):
// "<layer>.sbom.cdx.json", "launch.sbom.spdx.json", "build.sbom.syft.json". Only their names are
// judged here, and where each belongs; the content is the buildpack's. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

inline constexpr std::uint64_t longest_sbom_bytes = 64 << 20;

struct SbomFile {
  std::string layer;   ///< or "launch", "build": of all that is in the image, of the build
  std::string format;  ///< "cdx", "spdx", "syft"
  friend bool operator==(const SbomFile&, const SbomFile&) = default;

  [[nodiscard]] bool of_layer() const { return layer != "launch" && layer != "build"; }
  /// As the buildpack named it.
  [[nodiscard]] std::string source_name() const { return layer + ".sbom." + format + ".json"; }
  /// Below <layers>/sbom/<launch|build|cache>/<escaped buildpack>/.
  [[nodiscard]] std::string stored_name() const;
};

/// Nothing if the file is none. A format that is unknown, or that the buildpack does not declare in
/// `formats` (media types), is an error.
[[nodiscard]] Result<std::optional<SbomFile>> parse_sbom_name(
    std::string_view name, const std::vector<std::string>& formats);

}  // namespace berth::builder
