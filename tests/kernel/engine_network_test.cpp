// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/support/container_bench.hpp"
#include "tests/support/outside.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("a replica reaches the outside with the host's address and is not reached from there") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix);
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("client", {"connect", "203.0.113.2", outside.port})).has_value());
  CHECK(outside.accept_from() == "203.0.113.1");
  bench.events.wait_exit(ReplicaId("client"));
  CHECK(bench.log().find("connect connected\n") != std::string::npos);

  REQUIRE(engine.start(bench.web("server")).has_value());
  const auto ready = bench.events.wait_ready(ReplicaId("server"));
  CHECK(!outside.reaches(ready.endpoint));
}

TEST_CASE("an unfinished connection does not keep the interface of a replica that ended") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix);
  auto& engine = bench.open();
  const ReplicaId id("sender");
  const auto spec = bench.spec("sender", {"send", "203.0.113.2", outside.port, "64"});
  REQUIRE(engine.start(spec).has_value());
  REQUIRE(eventually([&] { return outside.unread() > 30'000; }));
  REQUIRE(engine.stop(id, std::chrono::seconds(0)).has_value());
  bench.events.wait_exit(id);
  // What it has sent into full buffers lives on in its network namespace.
  const auto bridge = "/sys/class/net/" + bench.options().network.bridge + "/brif";
  engine.remove(id);
  CHECK(fs::is_empty(bridge));
}

TEST_CASE("a denied network is out of reach") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix);
  auto options = bench.options();
  options.network.denied_networks.push_back("203.0.113.0/24");
  auto& engine = bench.open(options);
  REQUIRE(engine.start(bench.spec("client", {"connect", "203.0.113.2", outside.port})).has_value());
  bench.events.wait_exit(ReplicaId("client"));
  CHECK(bench.log().find("connect ETIMEDOUT\n") != std::string::npos);
}

TEST_CASE("an app connects to what its egress policy names, and to nothing else, at once") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix);
  auto& engine = bench.open();
  const std::uint32_t app = bench.spec("x", {}).uid_base;
  int runs = 0;
  const auto reach = [&](const std::string& policy) {
    if (!policy.empty()) {
      const auto set = engine.set_egress(app, *platform::parse_egress(policy));
      REQUIRE_MESSAGE(set.has_value(), why(set));
    }
    return run(bench, engine, "r-" + std::to_string(++runs),
               {"connect", "203.0.113.2", outside.port});
  };
  CHECK(reach("") == "connect connected\n");
  CHECK(reach("none") == "connect ECONNREFUSED\n");
  CHECK(reach("203.0.113.0/24") == "connect connected\n");
  CHECK(reach("203.0.113.2:" + outside.port) == "connect connected\n");
  CHECK(reach("203.0.113.2:1-2 198.51.100.0/24") == "connect ECONNREFUSED\n");
  CHECK(reach("all") == "connect connected\n");
  // Another app's policy is its own.
  REQUIRE(engine.set_egress(app + 0x10000, *platform::parse_egress("none")).has_value());
  CHECK(reach("") == "connect connected\n");
}

TEST_CASE("a policy holds for replicas that run, also after the server was replaced") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  Outside outside(bench.options().network.veth_prefix);
  const std::uint32_t app = bench.spec("x", {}).uid_base;
  auto spec = bench.spec("r-1", {"connect-often", "203.0.113.2", outside.port});
  spec.name = "r-1";
  REQUIRE(bench.open().start(spec).has_value());
  const auto last = [&] {
    const std::string text = bench.printed("r-1");
    const auto end = text.rfind("connect ");
    return end == std::string::npos ? text : text.substr(end);
  };
  REQUIRE(eventually([&] { return last() == "connect connected\n"; }));
  bench.close();
  // Said before it opens: there is no moment without it.
  auto& engine = bench.prepare();
  REQUIRE(engine.set_egress(app, *platform::parse_egress("none")).has_value());
  bench.open_prepared();
  REQUIRE(eventually([&] { return last() == "connect ECONNREFUSED\n"; }));
  REQUIRE(engine.set_egress(app, *platform::parse_egress("203.0.113.2")).has_value());
  CHECK(eventually([&] { return last() == "connect connected\n"; }));
}

TEST_CASE("opening the network twice changes nothing and cuts no running replica off") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  REQUIRE(bench.open().start(bench.web("r-1")).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  bench.close();
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("r-2")).has_value());
  const auto first = bench.events.wait_ready(ReplicaId("r-1"));
  const auto second = bench.events.wait_ready(ReplicaId("r-2"));
  CHECK(first.endpoint.address != second.endpoint.address);
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(5000);
  ::inet_pton(AF_INET, first.endpoint.address.c_str(), &to.sin_addr);
  CHECK(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
}

TEST_CASE("the bridge keeps its hardware address, whatever comes and goes") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const auto address = [&] {
    return *read_file("/sys/class/net/" + bench.options().network.bridge + "/address");
  };
  const std::string before = address();
  // One port in two has a lower address than the bridge by chance.
  for (int i = 1; i <= 8; ++i) {
    const std::string id = "r-" + std::to_string(i);
    auto spec = bench.spec(id, {"wait-term"});
    spec.name = id;
    REQUIRE(engine.start(spec).has_value());
    CHECK(address() == before);
  }
  for (int i = 1; i <= 8; ++i) {
    REQUIRE(engine.stop(ReplicaId("r-" + std::to_string(i)), std::chrono::seconds(0)).has_value());
    bench.events.wait_exit(ReplicaId("r-" + std::to_string(i)));
  }
  CHECK(address() == before);
}
