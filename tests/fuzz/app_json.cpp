// SPDX-License-Identifier: Apache-2.0
//
// app.json, also as a preview reads it: what is read reads back as it was, and an error names file
// and line.
#include "platform/app_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth::platform;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> notes;
  if (const auto vars = review_config_vars(text); vars.has_error())
    BERTH_ASSERT(vars.error().message.starts_with("app.json:"));
  for (const bool review : {false, true}) {
    const auto parsed = parse_app_json(text, notes, {.review = review});
    if (parsed.has_error()) {
      BERTH_ASSERT(parsed.error().message.starts_with("app.json:"));
      continue;
    }
    const std::string kept = app_json_text(*parsed);
    if (kept.empty()) continue;
    const auto again = parse_app_json(kept, notes);
    BERTH_ASSERT(again.has_value() && app_json_text(*again) == kept);
  }
  return 0;
}
