// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_resolvers = 3;  ///< that libc looks at

/// The interface of the IPv4 default route (destination and mask zero) in /proc/net/route.
std::string default_interface() {
  const auto text = read_file("/proc/net/route");
  if (text.has_error()) return {};
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string name, destination, gateway, flags, references, use, metric, mask;
    fields >> name >> destination >> gateway >> flags >> references >> use >> metric >> mask;
    if (destination == "00000000" && mask == "00000000") return name;
  }
  return {};
}

std::uint32_t default_mtu() {
  const std::string name = default_interface();
  const auto text = read_file("/sys/class/net/" + name + "/mtu");
  std::uint32_t mtu = 1500;
  if (!name.empty() && !text.has_error())
    std::from_chars(text->data(), text->data() + text->size(), mtu);
  return mtu;
}

std::vector<std::string> host_resolvers(bool ipv6) {
  // systemd-resolved listens on loopback and keeps the real ones in the second file.
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
    if (const auto text = read_file(path); !text.has_error())
      if (auto found = reachable_resolvers(*text, ipv6); !found.empty()) return found;
  return {};
}

/// A quarter of those that the kernel keeps track of: whoever begins more than it has room for
/// would else end everybody's.
std::uint32_t share_of_connections() {
  const auto text = read_file("/proc/sys/net/netfilter/nf_conntrack_max");
  std::uint32_t most = 0;
  if (text.has_value()) std::from_chars(text->data(), text->data() + text->size(), most);
  return most >= 4 ? most / 4 : 65'536;
}

Result<void> set_sysctl(const fs::path& path, std::string_view value) {
  return with_context(write_file(path, value), "set kernel parameter");
}

}  // namespace

std::vector<std::string> reachable_resolvers(std::string_view resolv_conf, bool ipv6) {
  // With a zone (fe80::1%eth0) it is no address to parse.
  const auto reachable = [&](const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address || *address == *IpAddress::parse("::1")) return false;
    return address->is_v4() ? !text.starts_with("127.")
                            : ipv6 && !IpNetwork::parse("fe80::/10")->contains(*address);
  };
  std::vector<std::string> result;
  std::istringstream lines{std::string(resolv_conf)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string key, address;
    fields >> key >> address;
    if (key == "nameserver" && reachable(address)) result.push_back(address);
  }
  return result;
}

std::string veth_name(const NetworkOptions& options, std::string_view id) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a: the same name in every process, for ever
  for (const char byte : id) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return fmt::format("{}{:011x}", options.veth_prefix.substr(0, 4), hash & 0xfffffffffffULL);
}

Result<std::unique_ptr<Network>> Network::open(const NetworkOptions& options,
                                               const std::vector<NetworkMember>& members,
                                               const EgressPolicies& egress) {
  BERTH_ASSIGN(const Ipv4Prefix subnet, parse_ipv4_prefix(options.subnet));
  BERTH_ASSIGN(const auto subnet6, with_context(ipv6_network(options), "network.subnet6"));
  BERTH_ASSIGN(Nft nft, Nft::open());
  NetworkOptions own = options;
  if (own.connections_per_app == 0) own.connections_per_app = share_of_connections();
  std::unique_ptr<Network> network(new Network(own, subnet, std::move(nft)));
  network->mtu_ = options.mtu != 0 ? options.mtu : default_mtu();
  network->egress_ = egress;
  network->subnet6_ = subnet6;
  for (const auto& member : members) network->pool_.reserve(member.address);
  BERTH_TRY(with_context(network->make_bridge(), "network"));
  network->resolvers_ =
      options.dns.empty() ? host_resolvers(network->subnet6_.has_value()) : options.dns;
  if (network->resolvers_.empty())
    log_warning(
        "the host has no resolver that a container can reach; apps will not resolve names "
        "until network.dns is configured");
  network->sweep(members);
  BERTH_TRY(with_context(network->make_neighbours(members), "network"));
  network->open_names();
  BERTH_TRY(with_context(network->make_rules(members), "network"));
  return network;
}

Result<void> Network::make_bridge() {
  BERTH_ASSIGN(Netlink netlink, Netlink::open());
  auto created = netlink.create_bridge(options_.bridge, mtu_);
  if (created.has_error() && created.error().kind != ErrorKind::conflict) return created;
  BERTH_ASSIGN(const int index, netlink.index_of(options_.bridge));
  BERTH_TRY(netlink.keep_hardware_address(options_.bridge));
  BERTH_TRY(netlink.add_address(index, {pool_.gateway(), subnet_.length}));
  if (subnet6_)
    if (auto made = make_ipv6(netlink, index); made.has_error()) {
      log_info("apps have IPv4 alone: {}", made.error().message);
      subnet6_.reset();
    }
  // Otherwise the host would answer on the bridge's link-local address.
  if (!subnet6_) refuse_ipv6(options_.bridge);
  BERTH_TRY(netlink.set_up(index));
  // Ports are isolated from each other. Replicas of one app meet through the host, which says
  // nothing of shorter ways; the firewall knows who may.
  BERTH_TRY(set_sysctl("/proc/sys/net/ipv4/conf/" + options_.bridge + "/send_redirects", "0"));
  const auto forwarding = read_file("/proc/sys/net/ipv4/ip_forward");
  if (!forwarding.has_error() && forwarding->starts_with("0")) {
    log_info(
        "enabling IPv4 forwarding (net.ipv4.ip_forward was 0), so that apps reach the outside");
    BERTH_TRY(set_sysctl("/proc/sys/net/ipv4/ip_forward", "1"));
  }
  return {};
}

Result<void> Network::make_ipv6(Netlink& netlink, int bridge) {
  BERTH_TRY(check_host_ipv6());
  if (mtu_ < 1280)  // RFC 8200
    return Error{ErrorKind::unavailable,
                 "IPv6 needs an MTU of 1280 at least, which here is " + std::to_string(mtu_)};
  BERTH_TRY(expect_ipv6(options_.bridge));
  BERTH_TRY(netlink.add_address(bridge, ipv6_of(*subnet6_, pool_.gateway()), subnet6_->bits()));
  return forward_ipv6();
}

Result<void> Network::make_neighbours(const std::vector<NetworkMember>& members) {
  BERTH_ASSIGN(Netlink netlink, Netlink::open());
  BERTH_ASSIGN(const int bridge, netlink.index_of(options_.bridge));
  BERTH_ASSIGN(const auto known, netlink.neighbours(bridge));
  for (const IpAddress& address : known)
    if (std::ranges::none_of(members, [&](const auto& one) {
          return ip_address(one.address) == address || (has_ipv6(one) && one.address6 == address);
        }))
      BERTH_TRY(netlink.delete_neighbour(bridge, address));
  for (const auto& member : members)
    if (member.address != 0) BERTH_TRY(add_neighbour(netlink, bridge, member));
  return {};
}

Result<void> Network::add_neighbour(Netlink& netlink, int bridge, const NetworkMember& member) {
  const HardwareAddress hardware = hardware_address_of(member.address);
  BERTH_TRY(netlink.add_neighbour(bridge, ip_address(member.address), hardware));
  if (!has_ipv6(member)) return {};
  return netlink.add_neighbour(bridge, *member.address6, hardware);
}

void Network::open_names() {
  auto opened = NameServer::open(pool_.gateway());
  if (opened.has_error())
    log_warning("names inside apps (web.internal) are not resolved: {}", opened.error().message);
  else
    names_ = std::move(*opened);
}

std::string Network::resolv_conf(const NetworkMember& member) const {
  const bool sandbox = member.app == 0;
  std::vector<std::string> servers;
  // It refuses every other name, which then goes to the next.
  if (names_ && !sandbox) servers.push_back(gateway());
  servers.insert(servers.end(), resolvers_.begin(), resolvers_.end());
  // libc asks a server from one socket, as often as it may; where a NAT or a resolver has lost that
  // flow, none is heard. A server that is named again is asked from another.
  while (!resolvers_.empty() && servers.size() < most_resolvers)
    servers.push_back(resolvers_.back());
  servers.resize(std::min(servers.size(), most_resolvers));
  std::string text;
  for (const std::string& server : servers) text += "nameserver " + server + "\n";
  // Not libc's five seconds: while the server is replaced ours is silent, and others lose a
  // question now and then. A build would rather wait, for 25 seconds at most, than end.
  return text + (sandbox ? "options timeout:2 attempts:5\n" : "options timeout:1 attempts:3\n");
}

Result<void> Network::make_rules(const std::vector<NetworkMember>& members) {
  std::vector<std::string> servers = resolvers_;
  if (names_) servers.push_back(gateway());
  std::string rules =
      inet_rules(options_, subnet6_ ? subnet6_->text() : std::string(), servers);
  std::vector<BridgeMember> ports;
  for (const auto& member : members) {
    ports.push_back(bridge_member(member));
    if (member.app != 0) rules += egress_rules(member.app) + add_app_member(options_, ports.back());
  }
  BERTH_TRY(nft_.apply(rules));
  if (const auto result = nft_.apply(bridge_rules(options_, ports)); result.has_error()) {
    // A second line of defence: without capabilities no container can forge an address anyway.
    log_warning("this kernel has no nftables bridge family; source addresses are not checked: {}",
                result.error().message);
    anti_spoofing_ = false;
  }
  return {};
}

void Network::sweep(const std::vector<NetworkMember>& members) {
  std::error_code failure;
  std::vector<std::string> strangers;
  for (const auto& entry :
       fs::directory_iterator("/sys/class/net/" + options_.bridge + "/brif", failure)) {
    const std::string name = entry.path().filename();
    const bool known =
        std::any_of(members.begin(), members.end(),
                    [&](const NetworkMember& member) { return member.veth == name; });
    if (!known && name.starts_with(options_.veth_prefix)) strangers.push_back(name);
  }
  auto netlink = Netlink::open();
  for (const auto& name : strangers)
    if (!netlink.has_error()) (void)netlink->delete_link(name);
}

/// What the firewall lacks of an app; called with the lock.
std::string Network::egress_rules(std::uint32_t app) {
  if (!chains_.insert(app).second) return {};
  const auto found = egress_.find(app);
  const auto policy = found == egress_.end() ? platform::EgressPolicy{} : found->second;
  return egress_chain(options_, app, policy, resolvers_);
}

Result<void> Network::set_egress(std::uint32_t app, const platform::EgressPolicy& policy) {
  const std::scoped_lock lock(mutex_);
  // Nothing of it runs: the first that does brings the rules.
  if (chains_.contains(app))
    BERTH_TRY(nft_.apply(egress_chain(options_, app, policy, resolvers_)));
  egress_[app] = policy;
  return {};
}

Result<NetworkMember> Network::join(std::string_view id, std::uint32_t app) {
  const std::scoped_lock lock(mutex_);
  const auto address = pool_.take();
  if (!address)
    return Error{ErrorKind::limit, "the network " + options_.subnet +
                                       " has no free address; use a larger one (network.subnet)"};
  NetworkMember member{veth_name(options_, id), *address, app};
  if (subnet6_) member.address6 = ipv6_of(*subnet6_, *address);
  return member;
}

Result<void> Network::admit(const NetworkMember& member) {
  const std::scoped_lock lock(mutex_);
  if (member.address == 0) return {};
  BERTH_ASSIGN(Netlink netlink, Netlink::open());
  BERTH_ASSIGN(const int bridge, netlink.index_of(options_.bridge));
  BERTH_TRY(add_neighbour(netlink, bridge, member));
  std::string rules;
  if (anti_spoofing_) rules += add_member(options_, bridge_member(member));
  const std::uint32_t app = member.app;
  const bool new_chain = app != 0 && !chains_.contains(app);
  if (app != 0) rules += egress_rules(app) + add_app_member(options_, bridge_member(member));
  if (rules.empty()) return {};
  auto added = nft_.apply(rules);
  if (added.has_error() && new_chain) chains_.erase(app);
  return added;
}

void Network::leave(const NetworkMember& member) {
  const std::scoped_lock lock(mutex_);
  if (member.address == 0) return;
  if (member.app != 0) (void)nft_.apply(delete_app_member(options_, bridge_member(member)));
  if (anti_spoofing_) (void)nft_.apply(delete_member(options_, bridge_member(member)));
}

void Network::give_back(const NetworkMember& member) {
  if (member.address == 0) return;
  // It goes with its namespace, which an unfinished connection may keep for minutes; and there it
  // would answer for an address that is another's by then.
  const auto deleted = [&]() -> Result<void> {
    BERTH_ASSIGN(Netlink netlink, Netlink::open());
    BERTH_TRY(netlink.delete_link(member.veth));
    BERTH_ASSIGN(const int bridge, netlink.index_of(options_.bridge));
    BERTH_TRY(netlink.delete_neighbour(bridge, ip_address(member.address)));
    if (!has_ipv6(member)) return {};
    return netlink.delete_neighbour(bridge, *member.address6);
  }();
  if (deleted.has_error()) log_warning("network: {}", deleted.error().message);
  const std::scoped_lock lock(mutex_);
  pool_.give_back(member.address);
}

Result<void> Network::destroy() {
  const std::scoped_lock lock(mutex_);
  sweep({});
  BERTH_TRY(nft_.apply(delete_tables(options_)));
  BERTH_ASSIGN(Netlink netlink, Netlink::open());
  return netlink.delete_link(options_.bridge);
}

}  // namespace berth::runtime
