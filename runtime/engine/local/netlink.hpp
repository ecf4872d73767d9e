// SPDX-License-Identifier: Apache-2.0
//
// The few rtnetlink requests that a replica's network needs, made in process: a forked `ip` costs a
// hundred times as much. Acts on the network namespace that the socket was opened in. Shared with
// the static shim.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/ip_network.hpp"
#include "base/result.hpp"

namespace berth::runtime {

/// "198.18.0.5/16"
struct Ipv4Prefix {
  std::uint32_t address = 0;  ///< host byte order
  int length = 32;
  friend bool operator==(const Ipv4Prefix&, const Ipv4Prefix&) = default;
};
[[nodiscard]] Result<Ipv4Prefix> parse_ipv4_prefix(std::string_view text);
[[nodiscard]] Result<std::uint32_t> parse_ipv4(std::string_view text);
[[nodiscard]] std::string ipv4_text(std::uint32_t address);
[[nodiscard]] IpAddress ip_address(std::uint32_t ipv4);

using HardwareAddress = std::array<std::uint8_t, 6>;

/// Of the container with this address: who knows the one needs not ask for the other.
[[nodiscard]] constexpr HardwareAddress hardware_address_of(std::uint32_t address) {
  return {0x02, 0x42, static_cast<std::uint8_t>(address >> 24),
          static_cast<std::uint8_t>(address >> 16), static_cast<std::uint8_t>(address >> 8),
          static_cast<std::uint8_t>(address)};
}

struct VethPair {
  std::string host_name;
  std::string peer_name;
  HardwareAddress peer_address{};  ///< zeros: by chance
  int peer_namespace = -1;  ///< a network namespace's descriptor
  int bridge = 0;           ///< interface index that the host end is a port of
  std::uint32_t mtu = 1500;
};

class Netlink final {
 public:
  [[nodiscard]] static Result<Netlink> open();

  /// A link that exists already is an error of kind `conflict`.
  [[nodiscard]] Result<void> create_bridge(const std::string& name, std::uint32_t mtu);
  /// Both ends down.
  [[nodiscard]] Result<void> create_veth(const VethPair& pair);
  /// A bridge port that exchanges nothing with other isolated ports.
  [[nodiscard]] Result<void> isolate_port(int index);
  [[nodiscard]] Result<void> set_up(int index);
  /// Until then what is sent by a link that is up, and by a port of a bridge, is dropped: the
  /// kernel gets them ready on a thread of its own.
  [[nodiscard]] Result<void> wait_until_running(const std::string& name);
  [[nodiscard]] Result<HardwareAddress> hardware_address(const std::string& name);
  /// A bridge left to itself takes the lowest hardware address of its ports, another one whenever
  /// such a port comes or goes; whoever has the old one in mind is not heard until it asks again.
  [[nodiscard]] Result<void> keep_hardware_address(const std::string& name);
  /// An address that is there already is success.
  [[nodiscard]] Result<void> add_address(int index, Ipv4Prefix address);
  /// Of IPv6: nobody asks whether another has it.
  [[nodiscard]] Result<void> add_address(int index, const IpAddress& address, int length);
  /// The gateway is on the link, whatever the addresses there say.
  [[nodiscard]] Result<void> add_default_route(int index, const IpAddress& gateway);
  /// For good, so that nobody looks for it; replaces what was said before.
  [[nodiscard]] Result<void> add_neighbour(int index, const IpAddress& address,
                                           const HardwareAddress& hardware_address);
  /// One that is not there is success.
  [[nodiscard]] Result<void> delete_neighbour(int index, const IpAddress& address);
  /// Those that were added.
  [[nodiscard]] Result<std::vector<IpAddress>> neighbours(int index);

  /// What leaves by it, in bytes a second; what is more waits, for a moment.
  [[nodiscard]] Result<void> limit_rate(int index, std::uint32_t bytes_per_second);
  /// A link that is not there is success.
  [[nodiscard]] Result<void> delete_link(const std::string& name);
  /// Interface index in this socket's namespace.
  [[nodiscard]] Result<int> index_of(const std::string& name);

 private:
  explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> talk(class NetlinkRequest& request, std::string_view what);
  [[nodiscard]] Result<bool> is_running(const std::string& name);
  [[nodiscard]] Result<void> change_neighbour(class NetlinkRequest& request, int index,
                                              const IpAddress& address,
                                              const HardwareAddress* hardware_address);
  Fd socket_;
};

}  // namespace berth::runtime
