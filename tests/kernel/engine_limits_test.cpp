// SPDX-License-Identifier: Apache-2.0
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

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
