// SPDX-License-Identifier: Apache-2.0
#include "router/rate_table.hpp"

#include "base/ip_network.hpp"

namespace berth::router {

std::uint64_t RateTable::key_of_address(std::string_view text) const {
  constexpr std::size_t subscriber = 8;
  const auto address = IpAddress::parse(text);
  if (!address) return key_of(text);
  const auto& bytes = address->bytes();
  return key_of({reinterpret_cast<const char*>(bytes.data()),
                 address->is_v4() ? bytes.size() : subscriber});
}

}  // namespace berth::router
