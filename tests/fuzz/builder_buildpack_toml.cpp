// SPDX-License-Identifier: Apache-2.0
//
// buildpack.toml and order.toml: what is accepted can be escaped into one part of a path.
#include "builder/buildpack.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(berth::builder::parse_order(text));
  const auto buildpack = berth::builder::parse_buildpack(text);
  if (buildpack.has_error()) return 0;
  const std::string name = berth::builder::escape_id(buildpack->id);
  BERTH_ASSERT(name.find('/') == name.npos && name != "." && name != ".." && !name.empty());
  BERTH_ASSERT(buildpack->version.find('/') == std::string::npos);
  berth::builder::BuildpackSet().add(*buildpack);
  return 0;
}
