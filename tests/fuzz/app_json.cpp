// SPDX-License-Identifier: Apache-2.0
//
// app.json: what is read reads back as it was, and an error names file and line.
#include "platform/app_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth::platform;
  std::vector<std::string> notes;
  const auto parsed = parse_app_json({reinterpret_cast<const char*>(data), size}, notes);
  if (parsed.has_error()) {
    BERTH_ASSERT(parsed.error().message.starts_with("app.json:"));
    return 0;
  }
  const std::string kept = app_json_text(*parsed);
  if (kept.empty()) return 0;
  const auto again = parse_app_json(kept, notes);
  BERTH_ASSERT(again.has_value() && app_json_text(*again) == kept);
  return 0;
}
