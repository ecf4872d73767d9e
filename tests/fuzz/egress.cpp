// SPDX-License-Identifier: Apache-2.0
//
// Egress policies: what parses is said as text that means the same, and nothing of it is more than
// the firewall's grammar has for addresses and ports.
#include "platform/egress.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth::platform;
  const auto policy = parse_egress({reinterpret_cast<const char*>(data), size});
  if (policy.has_error()) return 0;
  const auto again = parse_egress(egress_text(*policy));
  BERTH_ASSERT(again.has_value() && *again == *policy);
  for (const EgressRule& rule : policy->allowed) {
    const std::string network = rule.network.text();
    BERTH_ASSERT(network.find_first_not_of("0123456789abcdef.:/") == std::string::npos);
    BERTH_ASSERT(rule.network.is_v4() == (network.find(':') == std::string::npos));
    BERTH_ASSERT(rule.first_port >= 0 && rule.first_port <= rule.last_port &&
                 rule.last_port <= 65535);
  }
  return 0;
}
