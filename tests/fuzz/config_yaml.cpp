// SPDX-License-Identifier: Apache-2.0
//
// berth.yaml: whatever the bytes are, a configuration or an error with the file's name.
#include <string_view>

#include "platform/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = berth::platform::Config::parse(text, "berth.yaml");
  BERTH_ASSERT(config.has_value() || config.error().message.starts_with("berth.yaml"));
  return 0;
}
