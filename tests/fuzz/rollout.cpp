// SPDX-License-Identifier: Apache-2.0
//
// Rollout settings: what parses is said as text that means the same, and can replace a replica.
#include "platform/rollout.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth::platform;
  const auto settings = parse_rollout({reinterpret_cast<const char*>(data), size});
  if (settings.has_error()) return 0;
  const auto again = parse_rollout(rollout_text(*settings));
  BERTH_ASSERT(again.has_value() && *again == *settings);
  for (const int quantity : {0, 1, 3, 1000}) {
    const Steps steps = steps_for(*settings, quantity);
    BERTH_ASSERT(steps.surge >= 0 && steps.unavailable >= 0 && steps.surge + steps.unavailable > 0);
  }
  return 0;
}
