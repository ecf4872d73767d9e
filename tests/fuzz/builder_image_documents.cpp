// SPDX-License-Identifier: Apache-2.0
//
// What other tools write around an image: indexes, manifests, docker's list, users and names.
#include "builder/image_documents.hpp"
#include "builder/image_process.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entries = parse_foreign_index(text); entries.has_value())
    static_cast<void>(choose_entry(*entries));
  static_cast<void>(parse_foreign_manifest(text));
  static_cast<void>(parse_saved_images(text));
  static_cast<void>(find_image_user("app:staff", text, text));
  if (const auto config = parse_image_config(text); config.has_value()) {
    static_cast<void>(image_processes(config->image));
    static_cast<void>(image_port(config->image, 1));
  }
  if (const auto name = normal_image_name(text); name.has_value())
    BERTH_ASSERT(*normal_image_name(*name) == *name && name->front() != '-');
  return 0;
}
