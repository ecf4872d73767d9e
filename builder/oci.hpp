// SPDX-License-Identifier: Apache-2.0
//
// The JSON documents of an OCI image layout, as pure functions between text and values: the same
// image gives the same bytes, and what somebody else wrote is checked before it is believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/image_store.hpp"

namespace berth::builder {

struct Descriptor {
  std::string digest;
  std::uint64_t size_bytes = 0;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

/// What a config says of an image: its settings and its layers' ids, base first.
struct ImageConfig {
  Image image;  ///< without digest and layers
  std::string os;
  std::string architecture;
  std::vector<std::string> diff_ids;
  std::vector<std::string> history;  ///< of each layer, as far as it is told
};

struct IndexEntry {
  std::string name;  ///< org.opencontainers.image.ref.name
  Descriptor manifest;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

/// "sha256:" and 64 lower-case hex digits.
[[nodiscard]] bool is_digest(std::string_view text);
/// "amd64", "arm64": this machine, as OCI names it.
[[nodiscard]] std::string_view oci_architecture();

[[nodiscard]] std::string image_config_json(const Image& image);
[[nodiscard]] std::string image_manifest_json(const Image& image, const Descriptor& config);
[[nodiscard]] std::string image_index_json(const std::vector<IndexEntry>& entries);
[[nodiscard]] std::string_view image_layout_json();

/// Also what other tools wrote: docker's configs are the same.
[[nodiscard]] Result<ImageConfig> parse_image_config(std::string_view config);
/// The config's descriptor; an index or a manifest of another kind is an error.
[[nodiscard]] Result<Descriptor> manifest_config(std::string_view manifest);
/// Everything but the digest. Layers are uncompressed: their blob digests must be the diff ids.
[[nodiscard]] Result<Image> parse_image(std::string_view manifest, std::string_view config);
[[nodiscard]] Result<std::vector<IndexEntry>> parse_index(std::string_view text);

}  // namespace berth::builder
