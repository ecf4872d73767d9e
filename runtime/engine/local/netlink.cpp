// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/netlink.hpp"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace berth::runtime {

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

Result<void> Netlink::keep_hardware_address(const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return Error{ErrorKind::invalid, "interface name too long: " + name};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
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

Result<void> Netlink::add_default_route(std::uint32_t gateway) {
  NetlinkRequest request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  request.body(body);
  request.attribute(RTA_GATEWAY, htonl(gateway));
  return talk(request, "add default route");
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
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return Error{ErrorKind::invalid, "interface name too long: " + name};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  if (::ioctl(socket_.get(), SIOCGIFINDEX, &request) != 0)
    return system_error("find interface " + name, errno == ENODEV ? ENOENT : errno);
  return request.ifr_ifindex;
}

}  // namespace berth::runtime
