// SPDX-License-Identifier: Apache-2.0
//
// Replicas that gVisor (runsc) makes: what differs from those of the other makers. What is the same
// the suites of those say, run with it (kernel_runsc).
#include <signal.h>
#include <sys/utsname.h>

#include <sstream>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// Host user ids of the processes in the replica's control group.
std::vector<std::uint32_t> users_of(const ContainerBench& bench, const std::string& id) {
  std::vector<std::uint32_t> result;
  const auto group = runtime::Cgroups::open(bench.options().cgroup)->of(id);
  std::istringstream pids(read_file(group.pids / "cgroup.procs").value());
  for (std::string pid; pids >> pid;) {
    struct stat status{};
    if (::stat(("/proc/" + pid).c_str(), &status) == 0) result.push_back(status.st_uid);
  }
  return result;
}

}  // namespace

TEST_CASE("a program in gVisor sees gVisor's kernel, and its own limit as the machine's memory") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  utsname host{};
  ::uname(&host);
  const std::string version = run(bench, engine, "r-1", {"print", "/proc/version"});
  CHECK_MESSAGE(version.find("gvisor") != std::string::npos, version);
  CHECK_MESSAGE(version.find(host.release) == std::string::npos, version);
  const std::string memory = run(bench, engine, "r-2", {"print", "/proc/meminfo"});
  CHECK_MESSAGE(memory.starts_with("MemTotal:         131072 kB\n"), memory);
  CHECK(run(bench, engine, "r-3", {"print", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) ==
        "134217728\n");
}

TEST_CASE("on the host, all of a gVisor is the app's users, in the replica's control group") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("r-1")).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  const auto users = users_of(bench, "r-1");
  CHECK(users.size() > 2);  // its kernel, what opens files for it, and a process a program
  const std::uint32_t first = bench.web("r-1").uid_base;
  for (const std::uint32_t user : users) CHECK((user >= first && user < first + 65'536));
}

TEST_CASE("replicas of different makers are neighbours, and reach each other by name") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  for (const char* maker : {"native", "runsc"}) {
    auto spec = bench.web(maker);
    spec.oci = maker;
    spec.process_type = maker;
    REQUIRE(engine.start(spec).has_value());
    bench.events.wait_ready(ReplicaId(maker));
  }
  for (const auto& [from, to] : {std::pair{"native", "runsc"}, {"runsc", "native"}}) {
    std::string answer =
        run(bench, engine, std::string("from-") + from,
            {"lookup", bench.gateway(), std::string(to) + ".internal"}, false, from);
    REQUIRE_MESSAGE(answer.starts_with("lookup code 0 "), answer);
    answer = answer.substr(14, answer.find('\n') - 14);
    CHECK(run(bench, engine, std::string("of-") + from, {"connect", answer, "5000"}, false,
              from) == "connect connected\n");
  }
}

TEST_CASE("a runsc that cannot run fails the start with its own words") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"exit", "0"});
  spec.volumes = {{.id = "v", .name = "data", .target = "/bin/payload/data"}};
  REQUIRE(engine.make_volume({"app-1", "v"}, 16 << 20).has_value());
  const std::string message = why(engine.start(spec));
  CHECK_MESSAGE(message.find("/bin/payload/data") != std::string::npos, message);
  CHECK(engine.list().empty());
}

TEST_CASE("who kills the first process of a gVisor ends it, and nothing beside") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("neighbour")).has_value());
  bench.events.wait_ready(ReplicaId("neighbour"));
  (void)run(bench, engine, "r-1", {"signal", "1"});
  CHECK(bench.events.wait_exit(ReplicaId("r-1")).exit_signal == SIGKILL);
  CHECK(run(bench, engine, "r-2", {"print", "/etc/hostname"}) == "r-2\n");
  CHECK(engine.list().size() == 3);
  for (const auto& status : engine.list())
    if (status.spec.id == ReplicaId("neighbour")) CHECK(status.state == ReplicaState::ready);
}

TEST_CASE("forks without end in a gVisor are its own end") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("neighbour")).has_value());
  bench.events.wait_ready(ReplicaId("neighbour"));
  auto spec = bench.spec("bomb", {"fork-bomb"});
  spec.name = "bomb";
  spec.limits.pids = 64;
  REQUIRE(engine.start(spec).has_value());
  CHECK(bench.events.wait_exit(ReplicaId("bomb")).exit_signal != 0);
  CHECK(run(bench, engine, "r-2", {"print", "/etc/hostname"}) == "r-2\n");
}
