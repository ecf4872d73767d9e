// SPDX-License-Identifier: Apache-2.0
//
// Who answers to TYPE.internal inside an app, and the answers as DNS has them (RFC 1035). Knows
// nothing else: any other name is refused, so that whoever asks turns to the next server. Pure, not
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_network.hpp"

namespace berth::runtime {

class NameTable final {
 public:
  /// A replica that runs and may ask; it serves nothing yet.
  void join(std::uint32_t address, std::uint32_t app, std::string_view type);
  /// It is ready, or not any more.
  void set_serving(std::uint32_t address, bool serving);
  void leave(std::uint32_t address) { entries_.erase(address); }

  /// The IPv6 address of a replica, by the other, if it is of use there.
  using Ipv6Of = std::function<std::optional<IpAddress>(std::uint32_t)>;
  /// The answer to a packet from this address; nothing for what deserves none.
  [[nodiscard]] std::optional<std::string> answer(std::string_view packet, std::uint32_t from,
                                                  const Ipv6Of& ipv6_of);

 private:
  struct Entry {
    std::uint32_t app = 0;
    std::string type;  ///< in lower case
    bool serving = false;
  };
  std::map<std::uint32_t, Entry> entries_;  ///< by address
  // Who is named first, so that all are. Questions for the two kinds come in pairs.
  std::uint32_t turn_ = 0;
  std::uint32_t turn6_ = 0;
};

}  // namespace berth::runtime
