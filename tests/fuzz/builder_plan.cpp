// SPDX-License-Identifier: Apache-2.0
//
// Build plans, separated by zero bytes, the first byte of each saying whether it is optional: a
// resolution keeps the order and gives every entry a provider.
#include "builder/plan.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<PlanElement> elements;
  while (!text.empty() && elements.size() < 6) {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    auto options = parse_plan(part.substr(1));
    if (options.has_value()) elements.push_back({"e", (part[0] & 1) != 0, std::move(*options)});
  }
  const PlanResult result = resolve_plan(elements);
  BERTH_ASSERT(result.resolution.has_value() || !result.why.empty());
  if (result.resolution)
    for (const auto& entry : result.resolution->entries)
      BERTH_ASSERT(!entry.providers.empty() && !entry.requirements.empty());
  return 0;
}
