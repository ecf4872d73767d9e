// SPDX-License-Identifier: Apache-2.0
//
// The one bridge that all containers of this machine hang on, its firewall, and who has which
// address. The veth pairs are made by the shims. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/egress.hpp"
#include "runtime/engine/local/address_pool.hpp"
#include "runtime/engine/local/ipv6.hpp"
#include "runtime/engine/local/name_server.hpp"
#include "runtime/engine/local/nft.hpp"
#include "runtime/engine/local/options.hpp"

namespace berth::runtime {

struct NetworkMember {
  std::string veth;
  std::uint32_t address = 0;
  std::uint32_t app = 0;  ///< app_of() its users; 0: a build
  std::optional<IpAddress> address6 = {};
  friend bool operator==(const NetworkMember&, const NetworkMember&) = default;
};

/// What the firewall knows an app by.
[[nodiscard]] constexpr std::uint32_t app_of(std::uint32_t uid_base) { return uid_base >> 16; }

/// By app_of(); an app that is not named may connect everywhere.
using EgressPolicies = std::map<std::uint32_t, platform::EgressPolicy>;

/// The host's resolvers as a container can reach them: those on loopback or a link are left out.
[[nodiscard]] std::vector<std::string> reachable_resolvers(std::string_view resolv_conf, bool ipv6);
/// An interface name of at most 15 characters that the id alone decides.
[[nodiscard]] std::string veth_name(const NetworkOptions& options, std::string_view id);

class Network final {
 public:
  /// Makes what is missing of the bridge, its address and the rules; idempotent. `members` run
  /// already. Interfaces of ours on the bridge that belong to none of them are removed.
  [[nodiscard]] static Result<std::unique_ptr<Network>> open(
      const NetworkOptions& options, const std::vector<NetworkMember>& members,
      const EgressPolicies& egress = {});

  /// An address, with which nothing gets through until it is admitted.
  [[nodiscard]] Result<NetworkMember> join(std::string_view id, std::uint32_t app = 0);
  /// A few milliseconds. A member without an address is one already.
  [[nodiscard]] Result<void> admit(const NetworkMember& member);
  /// Nothing gets through any more.
  void leave(const NetworkMember& member);
  /// Once it has ended and left: removes what is still there of its interface, which may take some
  /// ten milliseconds; its address is free then.
  void give_back(const NetworkMember& member);
  [[nodiscard]] Result<void> set_egress(std::uint32_t app, const platform::EgressPolicy& policy);
  /// Removes the bridge and the rules; for tests and uninstalling.
  [[nodiscard]] Result<void> destroy();

  [[nodiscard]] const std::string& bridge() const { return options_.bridge; }
  [[nodiscard]] std::string gateway() const { return ipv4_text(pool_.gateway()); }
  /// Of members that have an IPv6 address.
  [[nodiscard]] std::string gateway6() const {
    return subnet6_ ? ipv6_of(*subnet6_, pool_.gateway()).text() : std::string();
  }
  [[nodiscard]] std::uint32_t mtu() const { return mtu_; }
  /// The text of a container's /etc/resolv.conf.
  [[nodiscard]] std::string resolv_conf(const NetworkMember& member) const;
  /// Of names inside an app; null if the host has another server on that port.
  [[nodiscard]] NameServer* names() const { return names_.get(); }

 private:
  Network(NetworkOptions options, Ipv4Prefix subnet, Nft nft)
      : options_(std::move(options)), subnet_(subnet), nft_(std::move(nft)), pool_(subnet) {}
  [[nodiscard]] Result<void> make_bridge();
  [[nodiscard]] Result<void> make_ipv6(Netlink& netlink, int bridge);
  [[nodiscard]] Result<void> make_neighbours(const std::vector<NetworkMember>& members);
  [[nodiscard]] Result<void> add_neighbour(Netlink& netlink, int bridge,
                                           const NetworkMember& member);
  void open_names();
  [[nodiscard]] Result<void> make_rules(const std::vector<NetworkMember>& members);
  void sweep(const std::vector<NetworkMember>& members);
  [[nodiscard]] BridgeMember bridge_member(const NetworkMember& member) const {
    return {member.veth, ipv4_text(member.address), member.app,
            has_ipv6(member) ? member.address6->text() : std::string()};
  }
  /// One that was started when there was IPv6 may have an address that is of no use now.
  [[nodiscard]] bool has_ipv6(const NetworkMember& member) const {
    return subnet6_ && member.address6;
  }
  [[nodiscard]] std::string egress_rules(std::uint32_t app);

  const NetworkOptions options_;
  const Ipv4Prefix subnet_;
  std::optional<IpNetwork> subnet6_;  ///< as it turned out when opened
  std::uint32_t mtu_ = 1500;
  std::mutex mutex_;  ///< guards what follows
  Nft nft_;
  AddressPool pool_;
  std::unique_ptr<NameServer> names_;
  EgressPolicies egress_;
  std::set<std::uint32_t> chains_;  ///< of apps, that the firewall has
  std::vector<std::string> resolvers_;
  bool anti_spoofing_ = true;
};

}  // namespace berth::runtime
