// SPDX-License-Identifier: Apache-2.0
//
// Placements: what parses is said as text that means the same, and each word of it is one.
#include "platform/placement.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth::platform;
  const auto placement = parse_placement({reinterpret_cast<const char*>(data), size});
  if (placement.has_error()) return 0;
  const auto again = parse_placement(placement_text(*placement));
  BERTH_ASSERT(again.has_value() && *again == *placement);
  for (const auto& [key, value] : placement->labels)
    BERTH_ASSERT(is_label_word(key) && is_label_word(value) && key != "oci");
  BERTH_ASSERT(placement->oci.empty() ||
               std::ranges::find(container_makers, placement->oci) != std::end(container_makers));
  return 0;
}
