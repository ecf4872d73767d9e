// SPDX-License-Identifier: Apache-2.0
//
// The JSON of an image layout and of the build record. A zero byte separates manifest and config; an
// image that was read is written and read back the same.
#include "builder/build_record.hpp"
#include "builder/oci.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view manifest = text.substr(0, text.find('\0'));
  const std::string_view config = text.substr(std::min(size, manifest.size() + 1));
  static_cast<void>(parse_index(text));
  static_cast<void>(manifest_config(manifest));
  static_cast<void>(parse_lifecycle_label(text));
  if (const auto record = parse_build_record(text); record.has_value())
    BERTH_ASSERT(*parse_build_record(build_record_json(*record)) == *record);
  const auto image = parse_image(manifest, config);
  if (image.has_error()) return 0;
  const std::string written = image_config_json(*image);
  const auto again = parse_image(image_manifest_json(*image, {image->layers.empty() ? "" : image->layers[0].diff_id, 1}), written);
  BERTH_ASSERT(again.has_value() && *again == *image);
  return 0;
}
