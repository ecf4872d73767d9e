// SPDX-License-Identifier: Apache-2.0
//
// Replicas that stand still for a rollback: they run no instruction and keep what they had,
// whatever becomes of the server meanwhile.
#include <signal.h>

#include "base/http_client.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// What it says within the time, or nothing.
std::string ask(const ReplicaStatus& replica, std::chrono::milliseconds limit) {
  const auto answer = http_request({.url = {.scheme = "http",
                                            .host = replica.endpoint.address,
                                            .port = replica.endpoint.port,
                                            .target = "/"},
                                    .deadline = limit});
  return answer.has_error() ? std::string() : answer->body;
}

constexpr std::chrono::milliseconds patience{300};
constexpr std::chrono::seconds enough{20};

}  // namespace

TEST_CASE("a frozen replica answers nobody and runs nothing, and goes on when it is thawed") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const ReplicaId id("r-1");
  REQUIRE(engine.start(bench.web("r-1")).has_value());
  const auto ready = bench.events.wait_ready(id);
  REQUIRE(ask(ready, enough) == "hello from r-1\n");
  REQUIRE(engine.freeze(id).has_value());
  CHECK(engine.list().front().frozen_at != Time{});
  CHECK(ask(ready, patience) == "");
  const auto used = engine.stats(id)->cpu;
  CHECK(ask(ready, patience) == "");
  CHECK(engine.stats(id)->cpu == used);
  CHECK(why(engine.exec(id, {.argv = {"/bin/payload", "exit", "0"}})) ==
        "web.1 is frozen, for a rollback");
  CHECK(engine.freeze(id).has_value());  // again is no error

  REQUIRE(engine.thaw(id).has_value());
  CHECK(ask(ready, enough) == "hello from r-1\n");
  CHECK(engine.list().front().frozen_at == Time{});
  CHECK(engine.thaw(id).has_value());
}

TEST_CASE("what is frozen hears that it shall stop, and ends by itself") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const ReplicaId id("r-1");
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  bench.events.wait_ready(id);
  REQUIRE(eventually([&] { return bench.printed("web.1") == "waiting\n"; }));
  REQUIRE(engine.freeze(id).has_value());
  REQUIRE(engine.stop(id, std::chrono::seconds(30)).has_value());
  const auto exited = bench.events.wait_exit(id);
  CHECK(exited.message == "");  // not killed after its grace
  CHECK(bench.printed("web.1") == "waiting\nterminated\n");
}

TEST_CASE("a new server finds what is frozen so, and can thaw it") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  const ReplicaId id("r-1");
  Time frozen_at{};
  {
    auto& engine = bench.open();
    REQUIRE(engine.start(bench.web("r-1")).has_value());
    bench.events.wait_ready(id);
    REQUIRE(engine.freeze(id).has_value());
    frozen_at = engine.list().front().frozen_at;
  }
  bench.close();
  auto& engine = bench.open();
  const auto adopted = engine.list().front();
  CHECK(adopted.state == ReplicaState::ready);
  CHECK(std::chrono::abs(adopted.frozen_at - frozen_at) < std::chrono::seconds(2));
  CHECK(ask(adopted, patience) == "");
  REQUIRE(engine.thaw(id).has_value());
  CHECK(ask(adopted, enough) == "hello from r-1\n");
}

TEST_CASE("a frozen replica whose keeper is killed ends too, and leaves nothing") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const ReplicaId id("r-1");
  REQUIRE(engine.start(bench.web("r-1")).has_value());
  bench.events.wait_ready(id);
  REQUIRE(engine.freeze(id).has_value());
  const pid_t shim = shim_of(bench.path("data") / "replicas/r-1");
  REQUIRE(shim > 1);
  ::kill(shim, SIGKILL);
  CHECK(bench.events.wait_exit(id).reason == ExitReason::lost);
  CHECK(eventually([&] { return runtime::Cgroups::open(bench.options().cgroup)->list().empty(); }));
}
