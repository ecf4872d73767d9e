// SPDX-License-Identifier: Apache-2.0
//
// What a proxy of the PROXY protocol, version 1 or 2, says at the beginning of a connection: whose
// it is. Read only from addresses that are told to send it, which must. Pure.
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/ip_network.hpp"

namespace berth::router::http {

/// With the fields behind the addresses of version 2, which are passed over.
inline constexpr std::size_t max_proxy_header_size = 4096;

struct ProxyHeader {
  enum class Status { complete, incomplete, invalid };
  Status status = Status::incomplete;
  std::size_t size = 0;              ///< of the header, when complete
  std::optional<IpAddress> source;   ///< nothing: the proxy speaks for itself, or does not know
};

[[nodiscard]] ProxyHeader scan_proxy_header(std::string_view data);

}  // namespace berth::router::http
