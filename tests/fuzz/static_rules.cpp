// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "buildpacks/static/server/rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string error;
  const auto rules = berth::site::parse_rules(text, error);
  const auto path = text.substr(0, text.find('\n')).substr(0, 200);
  if (rules) {
    (void)berth::site::find_redirect(*rules, path);
    (void)berth::site::find_route(*rules, path);
    (void)berth::site::headers_for(*rules, path);
  }
  return 0;
}
