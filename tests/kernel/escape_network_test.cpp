// SPDX-License-Identifier: Apache-2.0
//
// A port of the bridge that sends whatever it likes, as a replica could if the kernel let it: the
// firewall takes it for nobody else, and nobody believes what it says of others.
#include <netpacket/packet.h>

#include "tests/support/container_bench.hpp"
#include "tests/support/outside.hpp"

using namespace berth;
using namespace berth::test;
using runtime::HardwareAddress;
using runtime::Netlink;

namespace {

void append16(std::string& to, std::size_t value) {
  to += static_cast<char>(value >> 8);
  to += static_cast<char>(value);
}

std::string bytes_of(const IpAddress& address) {
  const auto& bytes = address.bytes();
  return {bytes.begin() + (address.is_v4() ? 12 : 0), bytes.end()};
}

/// As IP, UDP and ICMPv6 have it.
std::size_t checksum(const std::string& text) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    sum += static_cast<std::size_t>(static_cast<unsigned char>(text[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

constexpr int udp = 17;
constexpr int icmpv6 = 58;

/// A whole packet; the payload's own checksum stands at this place in it.
std::string packet(const IpAddress& from, const IpAddress& to, int protocol, std::string payload,
                   std::size_t checksum_at) {
  const std::string ends = bytes_of(from) + bytes_of(to);
  std::string sum;
  append16(sum, checksum(ends + std::string({'\0', static_cast<char>(protocol)}) +
                         std::string({static_cast<char>(payload.size() >> 8),
                                      static_cast<char>(payload.size())}) +
                         payload));
  payload.replace(checksum_at, 2, sum);
  std::string head;
  if (from.is_v4()) {
    head = std::string("\x45\0", 2);
    append16(head, 20 + payload.size());
    head += std::string("\0\0\0\0\xff", 5) + static_cast<char>(protocol);
    std::string whole = head + std::string(2, '\0') + ends;
    append16(head, checksum(whole));
    return head + ends + payload;
  }
  head = std::string("\x60\0\0\0", 4);
  append16(head, payload.size());
  return head + static_cast<char>(protocol) + '\xff' + ends + payload;
}

class HostilePort {
 public:
  HostilePort(const runtime::NetworkOptions& options, std::uint32_t address)
      : own4(*IpAddress::parse(runtime::ipv4_text(address))),
        own6(runtime::ipv6_of(**runtime::ipv6_network(options), address)),
        own_hardware(runtime::hardware_address_of(address)),
        veth_(options.veth_prefix + "hostile") {
    auto host = *Netlink::open();
    bridge_hardware_ = *host.hardware_address(options.bridge);
    REQUIRE(host.create_veth({.host_name = veth_,
                              .peer_name = "eth0",
                              .peer_address = own_hardware,
                              .peer_namespace = namespace_.fd(),
                              .bridge = *host.index_of(options.bridge)})
                .has_value());
    const int port = *host.index_of(veth_);
    REQUIRE(host.isolate_port(port).has_value());
    REQUIRE(host.set_up(port).has_value());
    const auto admitted = runtime::Nft::open()->apply(
        runtime::add_member(options, {veth_, own4.text(), 0, own6.text()}));
    REQUIRE_MESSAGE(admitted.has_value(), why(admitted));
    namespace_.inside([&] {
      auto link = *Netlink::open();
      at_.sll_family = AF_PACKET;
      at_.sll_ifindex = *link.index_of("eth0");
      REQUIRE(link.set_up(at_.sll_ifindex).has_value());
      socket_ = Fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    });
  }
  ~HostilePort() { (void)Netlink::open()->delete_link(veth_); }

  void send(const std::string& text) { send(text, bridge_hardware_); }
  void send(const std::string& text, const HardwareAddress& to) {
    std::string frame(to.begin(), to.end());
    frame.append(own_hardware.begin(), own_hardware.end());
    frame += (text[0] & 0xf0) == 0x40 ? std::string("\x08\0", 2) : std::string("\x86\xdd", 2);
    frame += text;
    REQUIRE(::sendto(socket_.get(), frame.data(), frame.size(), 0,
                     reinterpret_cast<const sockaddr*>(&at_), sizeof at_) > 0);
  }

  const IpAddress own4, own6;
  const HardwareAddress own_hardware;

 private:
  NetNamespace namespace_;
  std::string veth_;
  HardwareAddress bridge_hardware_{};
  sockaddr_ll at_{};
  Fd socket_;
};

/// Outside, who hears what is sent there, of both families.
struct Listener {
  Fd socket;
  std::size_t port = 0;
  explicit Listener(const Outside& outside) {
    outside.inside([&] {
      socket = Fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sockaddr_in6 at{};
      at.sin6_family = AF_INET6;
      socklen_t length = sizeof at;
      REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), length) == 0);
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &length);
      port = ntohs(at.sin6_port);
      const timeval limit{10, 0};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    });
  }
  [[nodiscard]] std::string hear() const {
    char buffer[100];
    const ssize_t count = ::recv(socket.get(), buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  [[nodiscard]] std::string say(const IpAddress& from, const IpAddress& to,
                                const std::string& text) const {
    std::string payload;
    append16(payload, 4000);
    append16(payload, port);
    append16(payload, 8 + text.size());
    append16(payload, 0);
    return packet(from, to, udp, payload + text, 6);
  }
};

struct Scene {
  ContainerBench bench;
  Outside outside{bench.options().network.veth_prefix, true};
  Listener listener{outside};
  runtime::LocalEngine& engine = bench.open();
  std::string victim4, victim6;
  std::optional<HostilePort> port;
  Scene() {
    auto spec = bench.spec("victim", {"serve", "::"});
    spec.port = 5000;
    REQUIRE(engine.start(spec).has_value());
    victim6 = bench.events.wait_ready(ReplicaId("victim")).endpoint.address;
    const auto& options = bench.options().network;
    const auto first = runtime::parse_ipv4_prefix(options.subnet)->address;
    victim4 = runtime::ipv4_text(first + 2);  // they are given in order
    port.emplace(options, first + 200);
  }
};

}  // namespace

TEST_CASE("escape: what a port sends from an address that is not its own goes nowhere") {
  SKIP_WITHOUT_IPV6();
  Scene scene;
  const auto& listener = scene.listener;
  for (const auto& [own, others, to] :
       {std::tuple{scene.port->own4, scene.victim4, "203.0.113.2"},
        std::tuple{scene.port->own6, scene.victim6, "2001:db8:77::2"}}) {
    const IpAddress outside = *IpAddress::parse(to);
    scene.port->send(listener.say(own, outside, "own"));
    CHECK(listener.hear() == "own");
    scene.port->send(listener.say(*IpAddress::parse(others), outside, "another's"));
    scene.port->send(listener.say(*IpAddress::parse(own.is_v4() ? "192.0.2.1" : "2001:db8::1"),
                                  outside, "nobody's"));
    scene.port->send(listener.say(own, outside, "own again"));
    CHECK(listener.hear() == "own again");
  }
}

TEST_CASE("escape: what a port says of neighbours and routers is believed by nobody") {
  SKIP_WITHOUT_IPV6();
  Scene scene;
  HostilePort& port = *scene.port;
  const std::string bridge = scene.bench.options().network.bridge;
  const IpAddress victim = *IpAddress::parse(scene.victim6);
  const IpAddress gateway = runtime::ipv6_of(
      **runtime::ipv6_network(scene.bench.options().network),
      *runtime::parse_ipv4(scene.bench.gateway()));
  const auto routes = [&] {
    std::istringstream lines(*read_file("/proc/net/ipv6_route"));
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.ends_with(" " + bridge);
    return count;
  };
  const int before = routes();
  const std::string own_hardware(port.own_hardware.begin(), port.own_hardware.end());
  // "The victim is here", to the host and to all; and "the gateway is here", to all.
  const HardwareAddress to_all = {0x33, 0x33, 0, 0, 0, 1};
  const IpAddress all = *IpAddress::parse("ff02::1");
  const auto here = [&](const IpAddress& who, const IpAddress& from, const IpAddress& to) {
    return packet(from, to, icmpv6,
                  std::string("\x88\0\0\0\x20\0\0\0", 8) + bytes_of(who) +
                      std::string("\2\1", 2) + own_hardware,
                  2);
  };
  port.send(here(victim, port.own6, gateway));
  port.send(here(victim, victim, gateway));
  port.send(here(victim, port.own6, all), to_all);
  port.send(here(gateway, port.own6, all), to_all);
  // "I am a router", with a network, by a link-local address, as only those are heard.
  const std::string announcement =
      std::string("\x86\0\0\0\x40\0\x07\x08\0\0\0\0\0\0\0\0", 16) +
      std::string("\3\4\x40\xc0\0\0\x07\x08\0\0\x07\x08\0\0\0\0", 16) +
      bytes_of(*IpAddress::parse("2001:db8:bad::"));
  for (const auto& from : {*IpAddress::parse("fe80::1"), port.own6})
    port.send(packet(from, all, icmpv6, announcement, 2), to_all);
  // What was sent before this has been heard when this is.
  port.send(scene.listener.say(port.own6, *IpAddress::parse("2001:db8:77::2"), "done"));
  CHECK(scene.listener.hear() == "done");

  CHECK(routes() == before);
  CHECK(connects({scene.victim6, 5000}));
  CHECK(run(scene.bench, scene.engine, "friend", {"connect", scene.victim6, "5000"}) ==
        "connect connected\n");
  const std::string seen =
      run(scene.bench, scene.engine, "witness", {"print", "/proc/net/if_inet6"});
  CHECK_MESSAGE(seen.find("20010db80bad") == std::string::npos, seen);
}

TEST_CASE("a host whose way out is announced by a router keeps it, and hears it, as it forwards") {
  SKIP_WITHOUT_IPV6();
  const NetNamespace host, router;
  const std::string settings = "/proc/sys/net/ipv6/conf/";
  for (const NetNamespace* one : {&host, &router})
    one->inside([&] { REQUIRE(write_file(settings + "default/accept_dad", "0").has_value()); });
  host.inside([&] {
    auto link = *Netlink::open();
    REQUIRE(link.create_veth({.host_name = "up0",
                              .peer_name = "eth0",
                              .peer_namespace = router.fd()})
                .has_value());
    REQUIRE(link.set_up(*link.index_of("up0")).has_value());
  });
  const auto announce = [&](char lifetime) {
    router.inside([&] {
      auto link = *Netlink::open();
      const int eth0 = *link.index_of("eth0");
      REQUIRE(link.set_up(eth0).has_value());
      const Fd socket(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, icmpv6));
      const int hops = 255;
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &eth0, sizeof eth0);
      SocketAddress to({"ff02::1", 0});
      const std::string text =
          std::string("\x86\0\0\0\x40\0", 6) + lifetime + std::string(9, '\0');
      (void)!::sendto(socket.get(), text.data(), text.size(), 0, to.get(), sizeof to.value);
    });
  };
  const auto has_way_out = [&] {
    bool found = false;
    host.inside([&] {
      std::istringstream lines(*read_file("/proc/thread-self/net/ipv6_route"));
      for (std::string line; std::getline(lines, line);)
        found |= line.starts_with(std::string(32, '0') + " 00 ") && line.ends_with(" up0");
    });
    return found;
  };
  REQUIRE(eventually([&] {
    announce(1);  // times 256 seconds
    return has_way_out();
  }));
  host.inside([&] {
    REQUIRE(runtime::forward_ipv6().has_value());
    CHECK(*read_file(settings + "all/forwarding") == "1\n");
    CHECK(*read_file(settings + "up0/accept_ra") == "2\n");
  });
  CHECK(has_way_out());
  CHECK(eventually([&] {
    announce(0);  // it is a router no more
    return !has_way_out();
  }));
}
