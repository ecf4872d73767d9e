// SPDX-License-Identifier: Apache-2.0
//
// Names inside an app: asked for from a replica, answered by the engine, reached through the
// firewall.
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// A replica of a process type that serves on a port of its own.
ReplicaSpec internal(const ContainerBench& bench, const std::string& id, std::uint32_t app = 0) {
  auto spec = bench.spec(id, {"serve", "0.0.0.0", "7000"});
  spec.process_type = "api";
  spec.name = "api.1";
  spec.uid_base += app << 16;
  return spec;
}

std::string ask(ContainerBench& bench, runtime::LocalEngine& engine, const std::string& name,
                const std::string& type = "1") {
  static int asked = 0;
  return run(bench, engine, "ask-" + std::to_string(++asked),
             {"lookup", bench.gateway(), name, type});
}

}  // namespace

TEST_CASE("a process type is found by its name, and reached, by replicas of its own app alone") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(internal(bench, "api")).has_value());
  const auto endpoint = bench.events.wait_ready(ReplicaId("api")).endpoint;
  REQUIRE(eventually([&] { return bench.printed("api.1") == "listening\n"; }));
  CHECK(ask(bench, engine, "api.internal") == "lookup code 0 " + endpoint.address + "\n");
  CHECK(ask(bench, engine, "API.Internal") == "lookup code 0 " + endpoint.address + "\n");
  CHECK(ask(bench, engine, "api.internal", "28") == "lookup code 0\n");
  CHECK(ask(bench, engine, "worker.internal") == "lookup code 3\n");
  CHECK(ask(bench, engine, "example.com") == "lookup code 5\n");
  CHECK(run(bench, engine, "friend", {"connect", endpoint.address, "7000"}) ==
        "connect connected\n");
  auto stranger = bench.spec("stranger", {"connect", endpoint.address, "7000"});
  stranger.name = "stranger";
  stranger.uid_base += 0x10000;
  REQUIRE(engine.start(stranger).has_value());
  bench.events.wait_exit(ReplicaId("stranger"));
  CHECK(bench.printed("stranger") == "connect ETIMEDOUT\n");
  auto curious = bench.spec("curious", {"lookup", bench.gateway(), "api.internal"});
  curious.name = "curious";
  curious.uid_base += 0x10000;
  REQUIRE(engine.start(curious).has_value());
  bench.events.wait_exit(ReplicaId("curious"));
  CHECK(bench.printed("curious") == "lookup code 3\n");
}

TEST_CASE("a name leads to all replicas that are ready, and to none that ends") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(internal(bench, "api-1")).has_value());
  REQUIRE(engine.start(internal(bench, "api-2")).has_value());
  const auto first = bench.events.wait_ready(ReplicaId("api-1")).endpoint.address;
  const auto second = bench.events.wait_ready(ReplicaId("api-2")).endpoint.address;
  const std::string both = ask(bench, engine, "api.internal");
  CHECK((both == "lookup code 0 " + first + " " + second + "\n" ||
         both == "lookup code 0 " + second + " " + first + "\n"));
  CHECK(engine.stop(ReplicaId("api-1"), std::chrono::seconds(5)).has_value());
  CHECK(ask(bench, engine, "api.internal") == "lookup code 0 " + second + "\n");
}

TEST_CASE("names are answered again, with what runs, when a server was replaced") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  REQUIRE(bench.open().start(internal(bench, "api")).has_value());
  const auto address = bench.events.wait_ready(ReplicaId("api")).endpoint.address;
  bench.close();
  auto& engine = bench.open();
  CHECK(ask(bench, engine, "api.internal") == "lookup code 0 " + address + "\n");
  const std::string friend_of =
      run(bench, engine, "friend", {"connect", address, "7000"});
  CHECK(friend_of == "connect connected\n");
}

TEST_CASE("a replica asks the engine first and the host's resolvers then") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto options = bench.options();
  options.network.dns = {"192.0.2.53", "192.0.2.54", "192.0.2.55"};
  auto& engine = bench.open(options);
  CHECK(run(bench, engine, "r-1", {"print", "/etc/resolv.conf"}) ==
        "nameserver " + bench.gateway() + "\nnameserver 192.0.2.53\n"
        "nameserver 192.0.2.54\noptions timeout:1 attempts:3\n");
}
