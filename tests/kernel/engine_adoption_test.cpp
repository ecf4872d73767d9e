// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// A server process that starts replicas and is then killed as hard as it can be.
void start_and_die(const runtime::LocalOptions& options, const std::vector<ReplicaSpec>& specs,
                   bool until_ready) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Events events;
    runtime::LocalEngine engine(options);
    if (engine.open(events.listener()).has_error()) ::_exit(1);
    for (const auto& spec : specs)
      if (engine.start(spec).has_error()) ::_exit(2);
    for (const auto& spec : specs)
      if (until_ready) events.wait_ready(spec.id);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
}

std::size_t lines_in(const std::string& log) {
  return static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n'));
}

}  // namespace

TEST_CASE("replicas outlive kill -9 of the server, keep logging, and are adopted as they were") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto web = bench.web("web-1");
  web.env["SECRET"] = "s3cret";
  auto worker = bench.spec("worker-1", {"lines", "1000000", "10"});
  worker.name = "worker.1";
  start_and_die(bench.options(), {web, worker}, true);

  const std::size_t before = lines_in(bench.log());
  CHECK(eventually([&] { return lines_in(bench.log()) > before + 5; }));
  auto& engine = bench.open();
  const auto adopted = bench.events.wait_ready(ReplicaId("web-1"));
  CHECK(adopted.spec.env == web.env);
  CHECK(adopted.spec.argv == web.argv);
  CHECK(adopted.spec.limits == web.limits);
  CHECK(adopted.endpoint.port == 5000);
  CHECK(adopted.started_at.time_since_epoch().count() > 0);
  CHECK(adopted.ready_at >= adopted.started_at);
  bench.events.wait_ready(ReplicaId("worker-1"));
  CHECK(engine.list().size() == 2);
  CHECK(bench.events.count() == 2);  // reported once each

  REQUIRE(engine.stop(ReplicaId("web-1"), std::chrono::seconds(5)).has_value());
  CHECK(bench.events.wait_exit(ReplicaId("web-1")).exit_signal == SIGTERM);
}

TEST_CASE("readiness goes on after an adoption in the middle of the boot") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  start_and_die(bench.options(), {bench.web("r-1")}, false);
  bench.open();
  CHECK(bench.events.wait_ready(ReplicaId("r-1")).endpoint.port == 5000);
}

TEST_CASE("what ended while the server was down is reported with its exit code") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  start_and_die(bench.options(), {bench.spec("r-1", {"exit", "9"})}, false);
  CHECK(eventually([&] { return fs::exists(bench.path("data") / "replicas/r-1/exit.json"); }));
  CHECK(eventually([&] { return shim_of(bench.path("data") / "replicas/r-1") == 0; }));
  auto& engine = bench.open();
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.exit_code == 9);
  CHECK(exited.reason == ExitReason::exited);
  engine.remove(ReplicaId("r-1"));
  CHECK(fs::is_empty(bench.path("data") / "replicas"));
}

TEST_CASE("a replica whose shim is killed is lost, ends, and leaves nothing") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("r-1")).has_value());
  const auto ready = bench.events.wait_ready(ReplicaId("r-1"));
  const pid_t shim = shim_of(bench.path("data") / "replicas/r-1");
  REQUIRE(shim > 1);
  ::kill(shim, SIGKILL);
  const auto lost = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(lost.reason == ExitReason::lost);
  CHECK(eventually([&] { return runtime::Cgroups::open(bench.options().cgroup)->list().empty(); }));
  engine.remove(ReplicaId("r-1"));
  CHECK(fs::is_empty(bench.path("data") / "replicas"));
}

TEST_CASE("a shim that is killed while the server is down is found lost and swept") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  start_and_die(bench.options(), {bench.web("r-1")}, true);
  const pid_t shim = shim_of(bench.path("data") / "replicas/r-1");
  REQUIRE(shim > 1);
  ::kill(shim, SIGKILL);
  CHECK(eventually([&] {
    const auto stat = read_file("/proc/" + std::to_string(shim) + "/stat");
    return !stat.has_value() || stat->find(") Z") != std::string::npos;
  }));
  bench.open();
  CHECK(bench.events.wait_exit(ReplicaId("r-1")).reason == ExitReason::lost);
  CHECK(runtime::Cgroups::open(bench.options().cgroup)->list().empty());
}

TEST_CASE("a stop that was asked for before the server died is carried out") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  const auto options = bench.options();
  const pid_t child = ::fork();
  if (child == 0) {
    Events events;
    runtime::LocalEngine engine(options);
    if (engine.open(events.listener()).has_error()) ::_exit(1);
    if (engine.start(bench.spec("r-1", {"ignore-term"})).has_error()) ::_exit(2);
    eventually([&] { return bench.log().find("waiting") != std::string::npos; });
    (void)engine.stop(ReplicaId("r-1"), std::chrono::milliseconds(500));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(eventually([&] { return fs::exists(bench.path("data") / "replicas/r-1/exit.json"); }));
  bench.open();
  CHECK(bench.events.wait_exit(ReplicaId("r-1")).exit_signal == SIGKILL);
}
