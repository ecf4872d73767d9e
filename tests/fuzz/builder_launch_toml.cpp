// SPDX-License-Identifier: Apache-2.0
//
// launch.toml, build.toml, store.toml and <layer>.toml; what was read is written and read back.
#include "builder/layer_metadata.hpp"
#include "builder/toml.hpp"

using namespace berth;
using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const unsigned api : {7U, 8U, 9U})
    if (const auto launch = parse_launch_toml(text, api, "b"); launch.has_value())
      for (const auto& process : launch->processes)
        BERTH_ASSERT(process.type.find('/') == std::string::npos && !process.command.empty());
  static_cast<void>(parse_build_toml(text, {"x"}));
  static_cast<void>(parse_store_toml(text));
  if (const auto layer = parse_layer_toml(text); layer.has_value()) {
    const auto again = parse_layer_toml(restored_layer_toml(layer->metadata));
    BERTH_ASSERT(again.has_value());
  }
  return 0;
}
