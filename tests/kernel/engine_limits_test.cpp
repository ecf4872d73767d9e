// SPDX-License-Identifier: Apache-2.0
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr std::uint64_t two_megabytes = 2ULL << 20;

/// What the payload says that it took, in milliseconds.
int took(const std::string& printed) {
  REQUIRE_MESSAGE(printed.starts_with("took "), printed);
  return std::atoi(printed.c_str() + 5);
}

}  // namespace

TEST_CASE("a replica that needs more memory than its limit ends with that reason") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"eat-memory", "512"});
  spec.limits.memory_bytes = 64ULL << 20;
  REQUIRE(bench.open().start(spec).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::out_of_memory);
  CHECK(exited.message ==
        "Error R15 (Memory quota vastly exceeded): needed more than its limit of 64 MB");
}

TEST_CASE("a fork bomb stops at the limit of processes") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"forks", "1000"});
  spec.limits.pids = 32;
  REQUIRE(bench.open().start(spec).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.exit_code == 3);
  CHECK(bench.log().find("forked 30\n") != std::string::npos);
}

TEST_CASE("a replica that fills its disk over the limit is ended with that reason") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"write-disk", "/app/big", "64"});
  spec.limits.disk_bytes = 16ULL << 20;
  REQUIRE(bench.open().start(spec).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::disk_limit);
  CHECK(exited.message.find("which is limited to 16 MB") != std::string::npos);
}

TEST_CASE("what a replica writes to /tmp counts as its memory") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"write-disk", "/tmp/big", "200"});
  spec.limits.memory_bytes = 64ULL << 20;
  REQUIRE(bench.open().start(spec).has_value());
  CHECK(bench.events.wait_exit(ReplicaId("r-1")).exit_code == 4);
  CHECK(bench.log().find("write: No space left on device") != std::string::npos);
}

TEST_CASE("what lies in /tmp is counted with what cannot be taken back from a replica") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"write-disk", "/tmp/file", "20"})).has_value());
  REQUIRE(eventually([&] { return bench.printed("web.1") == "written\n"; }));
  CHECK(engine.stats(ReplicaId("r-1"))->anonymous_bytes >= 20U << 20);
}

TEST_CASE("a replica sends and receives no faster than its network rate") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const auto start = [&](ReplicaSpec spec, std::uint64_t rate) {
    spec.name = spec.id.value;
    spec.limits.network_rate = rate;
    REQUIRE(engine.start(spec).has_value());
  };
  for (const char* name : {"fast", "slow"})
    start(bench.spec(name, {"sink", "7000"}), std::string(name) == "slow" ? two_megabytes : 0);
  const auto send = [&](const std::string& id, const std::string& to, std::uint64_t rate) {
    REQUIRE(eventually([&] { return bench.printed(to) == "listening\n"; }));
    const auto address = bench.events.wait_ready(ReplicaId(to)).endpoint.address;
    start(bench.spec(id, {"send", address, "7000", "4"}), rate);
    bench.events.wait_exit(ReplicaId(id));
    return took(bench.printed(id));
  };
  CHECK(send("unlimited", "fast", 0) < 1000);
  // Four megabytes at two a second; a little goes at once.
  CHECK(send("upload", "fast", two_megabytes) > 1500);
  CHECK(send("download", "slow", 0) > 1500);
}

TEST_CASE("a replica writes no faster than its disk rate") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  if (runtime::disk_of(bench.path("root")).empty()) {
    MESSAGE("SKIP: the files here lie on no disk that control groups know");
    return;
  }
  auto& engine = bench.open();
  const auto write = [&](const std::string& id, std::uint64_t rate) {
    auto spec = bench.spec(id, {"write-direct", "/app/big", "4"});
    spec.name = id;
    spec.limits.disk_rate = rate;
    const auto started = engine.start(spec);
    REQUIRE_MESSAGE(started.has_value(), why(started));
    bench.events.wait_exit(ReplicaId(id));
    return took(bench.printed(id));
  };
  const int unlimited = write("unlimited", 0);
  const int limited = write("limited", two_megabytes);
  CHECK_MESSAGE(limited > 1500, limited, " against ", unlimited);
}
