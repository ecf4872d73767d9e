// SPDX-License-Identifier: Apache-2.0
//
// IPv6 inside apps: addresses, ways out and in, names.
#include <netinet/in.h>
#include <sys/socket.h>

#include <sstream>

#include "tests/support/container_bench.hpp"
#include "tests/support/outside.hpp"

using namespace berth;
using namespace berth::test;
using runtime::Netlink;

namespace {

const std::string outside_address = "2001:db8:77::2";

/// Of whoever has this IPv4 address on the bench's bridge.
std::string ipv6_of(const ContainerBench& bench, const std::string& ipv4) {
  return runtime::ipv6_of(**runtime::ipv6_network(bench.options().network),
                          *runtime::parse_ipv4(ipv4))
      .text();
}

/// A replica of a process type without $PORT that serves there.
ReplicaSpec api(const ContainerBench& bench, const std::string& id, const std::string& address) {
  auto spec = bench.spec(id, {"serve", address, "7000"});
  spec.process_type = "api";
  spec.name = id;
  return spec;
}

std::size_t neighbours(const ContainerBench& bench) {
  auto netlink = *Netlink::open();
  return netlink.neighbours(*netlink.index_of(bench.options().network.bridge))->size();
}

}  // namespace

TEST_CASE("a replica has one IPv6 address, which ends with its IPv4 address, and no other") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("other")).has_value());
  const auto other = bench.events.wait_ready(ReplicaId("other")).endpoint.address;
  CHECK(neighbours(bench) == 2);  // by its IPv4 and its IPv6 address
  // Addresses are given in order.
  const std::string own = runtime::ipv4_text(*runtime::parse_ipv4(other) + 1);
  std::string digits;
  for (const auto byte : IpAddress::parse(ipv6_of(bench, own))->bytes()) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", byte);
    digits += text;
  }
  std::istringstream lines(run(bench, engine, "r-1", {"print", "/proc/net/if_inet6"}));
  std::vector<std::string> seen;
  for (std::string line; std::getline(lines, line);)
    if (line.ends_with(" eth0")) seen.push_back(line.substr(0, 32));
  CHECK(seen == std::vector<std::string>{digits});
  engine.remove(ReplicaId("r-1"));
  CHECK(neighbours(bench) == 2);  // by its IPv4 and its IPv6 address
}

TEST_CASE("a replica reaches the outside by IPv6 with the host's address and is not reached") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix, true);
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("client", {"connect", outside_address, outside.port}))
              .has_value());
  CHECK(outside.accept_from() == "2001:db8:77::1");
  bench.events.wait_exit(ReplicaId("client"));
  CHECK(bench.log().find("connect connected\n") != std::string::npos);

  auto server = bench.spec("server", {"serve", "::"});
  server.port = 5000;
  REQUIRE(engine.start(server).has_value());
  const auto ready = bench.events.wait_ready(ReplicaId("server"));
  CHECK(ready.endpoint.address.find(':') != std::string::npos);
  CHECK(connects(ready.endpoint));
  CHECK(!outside.reaches(ready.endpoint));
}

TEST_CASE("what listens by IPv6 alone is ready there, and on its loopback alone nowhere") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto& engine = bench.open();
  auto server = bench.spec("server", {"serve", "::"});
  server.port = 5000;
  REQUIRE(engine.start(server).has_value());
  const auto endpoint = bench.events.wait_ready(ReplicaId("server")).endpoint;
  const auto pool = runtime::parse_ipv4_prefix(bench.options().network.subnet)->address + 2;
  CHECK(endpoint == runtime::Endpoint{ipv6_of(bench, runtime::ipv4_text(pool)), 5000});
  auto loopback = bench.spec("loopback", {"serve", "::1"});
  loopback.port = 5000;
  REQUIRE(engine.start(loopback).has_value());
  const auto ended = bench.events.wait_exit(ReplicaId("loopback"));
  CHECK(ended.reason == ExitReason::loopback_only);
  CHECK_MESSAGE(ended.message.starts_with("listens on [::1]:5000 only"), ended.message);
}

TEST_CASE("by IPv6, replicas of one app meet and those of others do not") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(api(bench, "server", "::")).has_value());
  REQUIRE(eventually([&] { return bench.printed("server") == "listening\n"; }));
  const auto ipv4 = bench.events.wait_ready(ReplicaId("server")).endpoint.address;
  const std::string address = ipv6_of(bench, ipv4);
  CHECK(run(bench, engine, "friend", {"connect", address, "7000"}) == "connect connected\n");
  auto stranger = bench.spec("stranger", {"connect", address, "7000"});
  stranger.name = "stranger";
  stranger.uid_base += 0x10000;
  REQUIRE(engine.start(stranger).has_value());
  bench.events.wait_exit(ReplicaId("stranger"));
  CHECK(bench.printed("stranger") == "connect ETIMEDOUT\n");
  // Nobody has this one.
  CHECK(run(bench, engine, "lost", {"connect", ipv6_of(bench, "198.18.255.1"), "7000"}) ==
        "connect ETIMEDOUT\n");
}

TEST_CASE("a name has the IPv6 address of a replica that listens there") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto& engine = bench.open();
  const auto ask = [&](const std::string& id) {
    return run(bench, engine, id, {"lookup", bench.gateway(), "api.internal", "28"});
  };
  REQUIRE(engine.start(api(bench, "old", "0.0.0.0")).has_value());
  REQUIRE(eventually([&] { return bench.printed("old") == "listening\n"; }));
  CHECK(ask("ask-1") == "lookup code 0\n");
  REQUIRE(engine.start(api(bench, "new", "::")).has_value());
  REQUIRE(eventually([&] { return bench.printed("new") == "listening\n"; }));
  const auto ipv4 = bench.events.wait_ready(ReplicaId("new")).endpoint.address;
  CHECK(ask("ask-2") == "lookup code 0 " + ipv6_of(bench, ipv4) + "\n");
}

TEST_CASE("an egress policy holds for IPv6 as for IPv4") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix, true);
  auto& engine = bench.open();
  const std::uint32_t app = bench.spec("x", {}).uid_base;
  int runs = 0;
  const auto reach = [&](const std::string& policy) {
    const auto set = engine.set_egress(app, *platform::parse_egress(policy));
    REQUIRE_MESSAGE(set.has_value(), why(set));
    return run(bench, engine, "r-" + std::to_string(++runs),
               {"connect", outside_address, outside.port});
  };
  CHECK(reach("none") == "connect ECONNREFUSED\n");
  CHECK(reach("2001:db8:77::/48") == "connect connected\n");
  CHECK(reach("[2001:db8:77::2]:" + outside.port) == "connect connected\n");
  CHECK(reach("[::/0]:1-2 0.0.0.0/0") == "connect ECONNREFUSED\n");
  CHECK(reach("all") == "connect connected\n");
}

TEST_CASE("by IPv6 a replica reaches no service of the host and no metadata of a cloud") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto& engine = bench.open();
  const Fd listener(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  socklen_t length = sizeof at;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(listener.get(), 8) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &length);
  const int port = ntohs(at.sin6_port);
  const std::string gateway = ipv6_of(bench, bench.gateway());
  CHECK(connects({gateway, port}));  // it is there
  int runs = 0;
  const auto reach = [&](const std::string& address, const std::string& to) {
    return run(bench, engine, "r-" + std::to_string(++runs), {"connect", address, to});
  };
  CHECK(reach(gateway, std::to_string(port)) == "connect ETIMEDOUT\n");
  CHECK(reach("::1", std::to_string(port)) == "connect ECONNREFUSED\n");
  CHECK(reach("::ffff:" + bench.gateway(), std::to_string(port)) == "connect ETIMEDOUT\n");
  for (const char* metadata : {"fd00:ec2::254", "fd20:ce::254", "64:ff9b::a9fe:a9fe"})
    CHECK_MESSAGE(reach(metadata, "80") == "connect ETIMEDOUT\n", metadata);
  CHECK(reach("fe80::a9fe:a9fe", "80") != "connect connected\n");
}

TEST_CASE("replicas keep IPv6 when the server is replaced, and nothing stays of those that ended") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  REQUIRE(bench.open().start(api(bench, "server", "::")).has_value());
  REQUIRE(bench.open().start(bench.web("ends")).has_value());
  REQUIRE(eventually([&] { return bench.printed("server") == "listening\n"; }));
  const auto ipv4 = bench.events.wait_ready(ReplicaId("server")).endpoint.address;
  bench.close();
  {
    // As after a crash: it knows one that nobody has any more.
    auto netlink = *Netlink::open();
    REQUIRE(netlink
                .add_neighbour(*netlink.index_of(bench.options().network.bridge),
                               *IpAddress::parse(ipv6_of(bench, "198.18.9.9")), {2, 2, 2, 2, 2, 2})
                .has_value());
  }
  auto& engine = bench.open();
  CHECK(neighbours(bench) == 4);
  const std::string address = ipv6_of(bench, ipv4);
  CHECK(connects({address, 7000}));
  CHECK(run(bench, engine, "friend", {"connect", address, "7000"}) == "connect connected\n");
  for (const char* id : {"server", "ends"}) {
    REQUIRE(engine.stop(ReplicaId(id), std::chrono::seconds(0)).has_value());
    bench.events.wait_exit(ReplicaId(id));
    engine.remove(ReplicaId(id));
  }
  engine.remove(ReplicaId("friend"));
  CHECK(neighbours(bench) == 0);
}

TEST_CASE("turned off, there is no IPv6 but on loopback") {
  SKIP_WITHOUT_IPV6();
  ContainerBench bench;
  auto options = bench.options();
  options.network.subnet6 = "none";
  auto& engine = bench.open(options);
  const std::string addresses = run(bench, engine, "r-1", {"print", "/proc/net/if_inet6"});
  CHECK_MESSAGE(addresses.starts_with("00000000000000000000000000000001 "), addresses);
  CHECK_MESSAGE(std::count(addresses.begin(), addresses.end(), '\n') == 1, addresses);
  CHECK(run(bench, engine, "r-2", {"connect", outside_address, "80"}) == "connect ENETUNREACH\n");
  CHECK(*read_file("/proc/sys/net/ipv6/conf/" + options.network.bridge + "/disable_ipv6") ==
        "1\n");
}
