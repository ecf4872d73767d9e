// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/netlink.hpp"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>

namespace berth::runtime {

IpAddress ip_address(std::uint32_t ipv4) {
  const std::array<std::uint8_t, 4> bytes{
      static_cast<std::uint8_t>(ipv4 >> 24), static_cast<std::uint8_t>(ipv4 >> 16),
      static_cast<std::uint8_t>(ipv4 >> 8), static_cast<std::uint8_t>(ipv4)};
  return IpAddress::v4(bytes);
}

Result<std::uint32_t> parse_ipv4(std::string_view text) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
    return Error{ErrorKind::invalid, "'" + std::string(text) + "' is not an IPv4 address"};
  return ntohl(address.s_addr);
}

Result<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) {
  const auto slash = text.find('/');
  Ipv4Prefix prefix;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const auto [end, failure] =
        std::from_chars(length.data(), length.data() + length.size(), prefix.length);
    if (failure != std::errc() || end != length.data() + length.size() || prefix.length < 0 ||
        prefix.length > 32)
      return Error{ErrorKind::invalid, "'" + std::string(text) + "' is not an IPv4 network"};
  }
  BERTH_ASSIGN(prefix.address, parse_ipv4(text.substr(0, slash)));
  return prefix;
}

std::string ipv4_text(std::uint32_t address) {
  const in_addr value{htonl(address)};
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &value, text, sizeof text);
  return text;
}

constexpr std::chrono::seconds link_patience{5};

/// One message in a buffer that every request of ours fits.
class NetlinkRequest {
 public:
  NetlinkRequest(int type, int flags) {
    header()->nlmsg_len = NLMSG_LENGTH(0);
    header()->nlmsg_type = static_cast<std::uint16_t>(type);
    header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  template <class Body>
  void body(const Body& body) {
    std::memcpy(end(), &body, sizeof body);
    header()->nlmsg_len += NLMSG_ALIGN(sizeof body);
  }
  void attribute(int type, const void* data, std::size_t size) {
    rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(size)),
                     static_cast<std::uint16_t>(type)};
    std::memcpy(end(), &attribute, sizeof attribute);
    if (size > 0) std::memcpy(end() + RTA_LENGTH(0), data, size);
    header()->nlmsg_len += RTA_SPACE(size);
  }
  void attribute(int type, std::uint32_t value) { attribute(type, &value, sizeof value); }
  void attribute(int type, const std::string& text) {
    attribute(type, text.c_str(), text.size() + 1);
  }
  [[nodiscard]] std::uint32_t begin(int type) {
    const std::uint32_t at = header()->nlmsg_len;
    attribute(type | NLA_F_NESTED, nullptr, 0);
    return at;
  }
  void finish(std::uint32_t at) {
    const std::uint16_t size = static_cast<std::uint16_t>(header()->nlmsg_len - at);
    std::memcpy(buffer_ + at, &size, sizeof size);  // rta_len is the first field
  }
  [[nodiscard]] nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_); }

 private:
  char* end() { return buffer_ + header()->nlmsg_len; }
  alignas(nlmsghdr) char buffer_[512] = {};
};

Result<Netlink> Netlink::open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return system_error("netlink socket");
  return Netlink(std::move(socket));
}

Result<void> Netlink::talk(NetlinkRequest& request, std::string_view what) {
  const nlmsghdr* header = request.header();
  if (::send(socket_.get(), header, header->nlmsg_len, 0) < 0) return system_error(what);
  alignas(nlmsghdr) char buffer[4096];
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error(what);
    const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer);
    if (!NLMSG_OK(reply, static_cast<std::uint32_t>(size)) || reply->nlmsg_type != NLMSG_ERROR)
      continue;
    const int error = -static_cast<const nlmsgerr*>(NLMSG_DATA(reply))->error;
    if (error != 0) return system_error(what, error);
    return {};
  }
}

Result<void> Netlink::create_bridge(const std::string& name, std::uint32_t mtu) {
  NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  request.attribute(IFLA_MTU, mtu);
  const auto info = request.begin(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, std::string("bridge"));
  request.finish(info);
  return talk(request, "create bridge " + name);
}

Result<void> Netlink::create_veth(const VethPair& pair) {
  NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, pair.host_name);
  request.attribute(IFLA_MTU, pair.mtu);
  request.attribute(IFLA_MASTER, static_cast<std::uint32_t>(pair.bridge));
  const auto info = request.begin(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, std::string("veth"));
  const auto data = request.begin(IFLA_INFO_DATA);
  const auto peer = request.begin(VETH_INFO_PEER);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, pair.peer_name);
  request.attribute(IFLA_MTU, pair.mtu);
  request.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.peer_namespace));
  if (pair.peer_address != HardwareAddress{})
    request.attribute(IFLA_ADDRESS, pair.peer_address.data(), pair.peer_address.size());
  request.finish(peer);
  request.finish(data);
  request.finish(info);
  return talk(request, "create veth " + pair.host_name);
}

Result<void> Netlink::isolate_port(int index) {
  NetlinkRequest request(RTM_SETLINK, 0);
  ifinfomsg body{};
  body.ifi_family = AF_BRIDGE;
  body.ifi_index = index;
  request.body(body);
  const auto port = request.begin(IFLA_PROTINFO);
  const std::uint8_t on = 1;
  request.attribute(IFLA_BRPORT_ISOLATED, &on, sizeof on);
  request.finish(port);
  return talk(request, "isolate bridge port");
}

Result<void> Netlink::set_up(int index) {
  NetlinkRequest request(RTM_NEWLINK, 0);
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  request.body(body);
  return talk(request, "set link up");
}

namespace {

Result<ifreq> request_about(const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return Error{ErrorKind::invalid, "interface name too long: " + name};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  return request;
}

}  // namespace

/// Whether it is already. The question by netlink behind it has the answer only when the kernel is
/// through with that, and since Linux 6.8 makes it get the link ready at once.
Result<bool> Netlink::is_running(const std::string& name) {
  BERTH_ASSIGN(ifreq flags, request_about(name));
  if (::ioctl(socket_.get(), SIOCGIFFLAGS, &flags) != 0)
    return system_error("look at the link " + name);
  NetlinkRequest request(RTM_GETLINK, 0);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  BERTH_TRY(talk(request, "look at the link " + name));
  return (flags.ifr_flags & IFF_RUNNING) != 0;
}

Result<void> Netlink::wait_until_running(const std::string& name) {
  bool running = false;
  for (int i = 0; i < 2; ++i) {
    BERTH_ASSIGN(running, is_running(name));
    if (running) return {};
  }
  const Fd news(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl links{};
  links.nl_family = AF_NETLINK;
  links.nl_groups = RTMGRP_LINK;
  if (!news || ::bind(news.get(), reinterpret_cast<sockaddr*>(&links), sizeof links) != 0)
    return system_error("wait for the link " + name);
  for (const auto end = std::chrono::steady_clock::now() + link_patience;;) {
    BERTH_ASSIGN(running, is_running(name));
    if (running) return {};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return Error{ErrorKind::timeout, "the link " + name + " did not come up in " +
                                           std::to_string(link_patience.count()) + " seconds"};
    pollfd change{.fd = news.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&change, 1, static_cast<int>(left.count()));
    for (char message[8192]; ::recv(news.get(), message, sizeof message, 0) > 0;) {
    }
  }
}

Result<HardwareAddress> Netlink::hardware_address(const std::string& name) {
  BERTH_ASSIGN(ifreq request, request_about(name));
  if (::ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0)
    return system_error("read the hardware address of " + name);
  HardwareAddress address;
  std::memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
  return address;
}

Result<void> Netlink::keep_hardware_address(const std::string& name) {
  BERTH_ASSIGN(ifreq request, request_about(name));
  // That it was said is what counts, not that it is another (net/bridge/br_stp_if.c).
  if (::ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0 ||
      ::ioctl(socket_.get(), SIOCSIFHWADDR, &request) != 0)
    return system_error("keep the hardware address of " + name);
  return {};
}

Result<void> Netlink::add_address(int index, Ipv4Prefix address) {
  NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  body.ifa_index = static_cast<std::uint32_t>(index);
  request.body(body);
  request.attribute(IFA_LOCAL, htonl(address.address));
  request.attribute(IFA_ADDRESS, htonl(address.address));
  return talk(request, "add address " + ipv4_text(address.address));
}

namespace {

unsigned char family_of(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

/// As the kernel takes it: four bytes, or sixteen.
std::span<const std::uint8_t> bytes_of(const IpAddress& address) {
  return std::span(address.bytes()).last(address.is_v4() ? 4 : 16);
}

}  // namespace

Result<void> Netlink::add_address(int index, const IpAddress& address, int length) {
  NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg body{};
  body.ifa_family = AF_INET6;
  body.ifa_prefixlen = static_cast<std::uint8_t>(length);
  body.ifa_flags = IFA_F_NODAD | IFA_F_PERMANENT;
  body.ifa_index = static_cast<std::uint32_t>(index);
  request.body(body);
  request.attribute(IFA_LOCAL, address.bytes().data(), address.bytes().size());
  return talk(request, "add address " + address.text());
}

Result<void> Netlink::add_default_route(int index, const IpAddress& gateway) {
  NetlinkRequest request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg body{};
  body.rtm_family = family_of(gateway);
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  body.rtm_flags = RTNH_F_ONLINK;
  request.body(body);
  const auto bytes = bytes_of(gateway);
  request.attribute(RTA_GATEWAY, bytes.data(), bytes.size());
  request.attribute(RTA_OIF, static_cast<std::uint32_t>(index));
  return talk(request, "add default route by " + gateway.text());
}

Result<void> Netlink::change_neighbour(NetlinkRequest& request, int index,
                                       const IpAddress& address,
                                       const HardwareAddress* hardware_address) {
  ndmsg body{};
  body.ndm_family = family_of(address);
  body.ndm_ifindex = index;
  body.ndm_state = NUD_PERMANENT;
  request.body(body);
  const auto bytes = bytes_of(address);
  request.attribute(NDA_DST, bytes.data(), bytes.size());
  if (hardware_address)
    request.attribute(NDA_LLADDR, hardware_address->data(), hardware_address->size());
  return talk(request, "neighbour " + address.text());
}

Result<void> Netlink::add_neighbour(int index, const IpAddress& address,
                                    const HardwareAddress& hardware_address) {
  NetlinkRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  return change_neighbour(request, index, address, &hardware_address);
}

Result<void> Netlink::delete_neighbour(int index, const IpAddress& address) {
  NetlinkRequest request(RTM_DELNEIGH, 0);
  auto result = change_neighbour(request, index, address, nullptr);
  if (result.has_error() && result.error().kind == ErrorKind::not_found) return {};
  return result;
}

namespace {

/// The address of a neighbour that was added to this link.
std::optional<IpAddress> neighbour_in(const nlmsghdr* message, int index) {
  const auto* body = static_cast<const ndmsg*>(NLMSG_DATA(message));
  if (message->nlmsg_type != RTM_NEWNEIGH || body->ndm_ifindex != index ||
      (body->ndm_state & NUD_PERMANENT) == 0)
    return std::nullopt;
  auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *body));
  const auto* attribute = reinterpret_cast<const rtattr*>(
      reinterpret_cast<const char*>(body) + NLMSG_ALIGN(sizeof *body));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != NDA_DST) continue;
    const auto* bytes = static_cast<const std::uint8_t*>(RTA_DATA(attribute));
    if (RTA_PAYLOAD(attribute) == 4)
      return IpAddress::v4(std::span<const std::uint8_t, 4>(bytes, 4));
    std::array<std::uint8_t, 16> all;
    if (RTA_PAYLOAD(attribute) != all.size()) continue;
    std::copy_n(bytes, all.size(), all.begin());
    return IpAddress(all);
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<IpAddress>> Netlink::neighbours(int index) {
  NetlinkRequest request(RTM_GETNEIGH, NLM_F_DUMP);
  request.body(ndmsg{});  // of all families
  const nlmsghdr* header = request.header();
  if (::send(socket_.get(), header, header->nlmsg_len, 0) < 0)
    return system_error("list neighbours");
  std::vector<IpAddress> result;
  alignas(nlmsghdr) char buffer[32768];
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("list neighbours");
    auto left = static_cast<std::uint32_t>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return result;
      if (message->nlmsg_type == NLMSG_ERROR)
        return system_error("list neighbours",
                            -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error);
      if (const auto address = neighbour_in(message, index)) result.push_back(*address);
    }
  }
}

Result<void> Netlink::limit_rate(int index, std::uint32_t bytes_per_second) {
  // A twentieth of a second at once, or one large segment; a fifth more may wait.
  const std::uint32_t burst = std::max<std::uint32_t>(bytes_per_second / 20, 128 << 10);
  tc_tbf_qopt options{};
  options.rate.rate = bytes_per_second;
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;  // otherwise the kernel wants a table of costs
  options.limit = burst + bytes_per_second / 5;
  NetlinkRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
  tcmsg body{};
  body.tcm_ifindex = index;
  body.tcm_handle = 1U << 16;
  body.tcm_parent = TC_H_ROOT;
  request.body(body);
  request.attribute(TCA_KIND, std::string("tbf"));
  const auto nested = request.begin(TCA_OPTIONS);
  request.attribute(TCA_TBF_PARMS, &options, sizeof options);
  request.attribute(TCA_TBF_BURST, burst);
  request.finish(nested);
  return talk(request, "limit the rate of a link");
}

Result<void> Netlink::delete_link(const std::string& name) {
  NetlinkRequest request(RTM_DELLINK, 0);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  auto result = talk(request, "delete link " + name);
  if (result.has_error() && result.error().message.ends_with(strerrordesc_np(ENODEV))) return {};
  return result;
}

Result<int> Netlink::index_of(const std::string& name) {
  // SIOCGIFINDEX works on any socket and answers for that socket's namespace.
  BERTH_ASSIGN(ifreq request, request_about(name));
  if (::ioctl(socket_.get(), SIOCGIFINDEX, &request) != 0)
    return system_error("find interface " + name, errno == ENODEV ? ENOENT : errno);
  return request.ifr_ifindex;
}

}  // namespace berth::runtime
