// SPDX-License-Identifier: Apache-2.0
//
// TXT records of the DNS, by the C library's resolver.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth {

/// What the name's TXT records say; empty where there are none. `server`: "192.0.2.1" or
/// "192.0.2.1:5353"; "" for the system's. Blocking, for some seconds at most.
[[nodiscard]] Result<std::vector<std::string>> txt_records(const std::string& name,
                                                           const std::string& server);

/// The TXT records in the answer section of a message.
[[nodiscard]] Result<std::vector<std::string>> txt_records_in(std::string_view message);

struct DnsServer {
  std::string address;
  int port = 53;
};
[[nodiscard]] Result<DnsServer> parse_dns_server(std::string_view text);

}  // namespace berth
