// SPDX-License-Identifier: Apache-2.0
//
// Questions to the name server inside a machine: whatever comes, the answer is one, and fits.
#include "runtime/engine/local/name_table.hpp"

#include "base/result.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  berth::runtime::NameTable names;
  names.join(1, 7, "web");
  names.set_serving(1, true);
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  const auto ipv6_of = [](std::uint32_t) { return std::optional(berth::IpAddress()); };
  const auto answer = names.answer(packet, 1, ipv6_of);
  if (!answer) return 0;
  BERTH_ASSERT(answer->size() >= 12 && answer->size() <= 12 + 300 + 28);
  BERTH_ASSERT(answer->substr(0, 2) == packet.substr(0, 2) && ((*answer)[2] & 0x80) != 0);
  BERTH_ASSERT(!names.answer(*answer, 1, ipv6_of).has_value());
  return 0;
}
