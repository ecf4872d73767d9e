// SPDX-License-Identifier: Apache-2.0
//
// Listening TCP sockets: one a thread for the same address, so that the kernel spreads connections.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::router {

struct TcpListeners {
  std::uint16_t port = 0;
  std::vector<Fd> sockets;
};

/// `address` is "0.0.0.0:8080", "[::]:8080" or "127.0.0.1:0". SO_REUSEPORT would let a second
/// router take half of the connections without a word, so the port is first tried without it.
/// `inherited` are sockets that listen there already, of a router before this one: they are used,
/// all of them, and others made if there are fewer than `count`.
[[nodiscard]] Result<TcpListeners> listen_tcp(std::string_view address, std::size_t count,
                                              std::vector<Fd> inherited = {});

}  // namespace berth::router
