// SPDX-License-Identifier: Apache-2.0
//
// index.json, manifest and config of a buildpackage: every digest that comes out can name a file.
#include "builder/buildpackage.hpp"
#include "builder/oci.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto digest = choose_manifest(text); digest.has_value())
    BERTH_ASSERT(is_digest(*digest));
  if (const auto manifest = parse_package_manifest(text); manifest.has_value()) {
    BERTH_ASSERT(manifest->config.empty() || is_digest(manifest->config));
    for (const auto& layer : manifest->layers) BERTH_ASSERT(is_digest(layer));
  }
  static_cast<void>(parse_package_config(text));
  return 0;
}
