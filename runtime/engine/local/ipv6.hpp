// SPDX-License-Identifier: Apache-2.0
//
// IPv6 on the containers' bridge. Each container has one address, which follows from its IPv4
// address, and everything that it sends goes to the bridge's, replicas of its own app too. There is
// no neighbour discovery and no link-local address: who is where is said by netlink.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_network.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/options.hpp"

namespace berth::runtime {

/// The bridge's network as the options have it; nothing if they say that there is none.
[[nodiscard]] Result<std::optional<IpNetwork>> ipv6_network(const NetworkOptions& options);

/// The address there of whoever has this IPv4 address: it is the last four bytes.
[[nodiscard]] IpAddress ipv6_of(const IpNetwork& network, std::uint32_t ipv4);

/// An error that says so where this host has no IPv6, or does not want it.
[[nodiscard]] Result<void> check_host_ipv6();

/// Before the bridge is up: it has the addresses that it is given, and no others.
[[nodiscard]] Result<void> expect_ipv6(const std::string& bridge);
/// None at all.
void refuse_ipv6(const std::string& bridge);

/// Lets packets through this host. The kernel then ignores routers' announcements, and forgets the
/// routes of earlier ones, where `accept_ra` is 1; it is 2 then, so that the host keeps its own way
/// out (ip-sysctl.rst).
[[nodiscard]] Result<void> forward_ipv6();

}  // namespace berth::runtime
