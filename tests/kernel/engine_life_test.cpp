// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

std::string http_get(const runtime::Endpoint& endpoint) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
  ::inet_pton(AF_INET, endpoint.address.c_str(), &to.sin_addr);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return "no connection";
  (void)write_all(socket.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string answer;
  char buffer[1024];
  ssize_t count;
  while ((count = ::read(socket.get(), buffer, sizeof buffer)) > 0)
    answer.append(buffer, static_cast<std::size_t>(count));
  return answer;
}

}  // namespace

TEST_CASE("a replica starts, becomes ready on its port and answers from the host") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  const auto started = engine.start(bench.web("r-1"));
  REQUIRE_MESSAGE(started.has_value(), why(started));
  const auto ready = bench.events.wait_ready(ReplicaId("r-1"));
  CHECK(ready.endpoint.port == 5000);
  CHECK(http_get(ready.endpoint).find("hello from r-1") != std::string::npos);
  CHECK(eventually(
      [&] { return bench.log().find("+00:00 app[web.1]: listening\n") != std::string::npos; }));
  // The agent and the program, once what started them has gone.
  if (!in_gvisor()) CHECK(eventually([&] { return engine.stats(ReplicaId("r-1"))->pids == 2; }));
  CHECK(engine.stats(ReplicaId("r-1"))->memory_bytes > 0);
}

TEST_CASE("a replica's exit code is reported") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"exit", "7"})).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::exited);
  CHECK(exited.exit_code == 7);
  CHECK(exited.exit_signal == 0);
}

TEST_CASE("a crash is reported with its signal") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  REQUIRE(bench.open().start(bench.spec("r-1", {"crash"})).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::exited);
  CHECK(exited.exit_signal == SIGABRT);
}

TEST_CASE("a program that is not in the image fails the start with a message that names it") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {});
  spec.argv = {"gunicorn", "app:app"};
  CHECK(why(engine.start(spec)) ==
        "start web.1: the program 'gunicorn' does not exist in the image");
  CHECK(engine.list().empty());
  CHECK(fs::is_empty(bench.path("data") / "replicas"));
  CHECK(engine.start(bench.spec("r-1", {"exit", "0"})).has_value());
}

TEST_CASE("a specification that cannot work is refused before anything is made") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("../etc", {"exit", "0"});
  CHECK(why(engine.start(spec)) == "replica '../etc': an id is 1 to 40 of a-z, 0-9 and -");
  spec = bench.spec("r-1", {"exit", "0"});
  spec.uid_base = 0;
  CHECK(why(engine.start(spec)) == "replica 'r-1': uid_base must leave the host's own users out");
  spec = bench.spec("r-1", {"exit", "0"});
  spec.root_layers = {bench.path("no-such-layer")};
  CHECK(why(engine.start(spec)).ends_with("no-such-layer: No such file or directory"));
}

TEST_CASE("an id is used once only") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  CHECK(engine.start(bench.spec("r-1", {"wait-term"})).error().kind == ErrorKind::conflict);
}

TEST_CASE("stopping sends SIGTERM and lets the program end by itself") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term", "5"})).has_value());
  REQUIRE(eventually([&] { return bench.log().find("waiting") != std::string::npos; }));
  REQUIRE(engine.stop(ReplicaId("r-1"), std::chrono::minutes(5)).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.exit_code == 5);
  CHECK(exited.stopping);
  CHECK(exited.message == "");
  CHECK(bench.log().find("app[web.1]: terminated\n") != std::string::npos);
}

TEST_CASE("SIGTERM reaches every process, also one without a handler and one in its own session") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"sleep-tree"})).has_value());
  REQUIRE(eventually([&] { return bench.log().find("waiting") != std::string::npos; }));
  REQUIRE(engine.stop(ReplicaId("r-1"), std::chrono::minutes(5)).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.exit_signal == SIGTERM);
}

TEST_CASE("a program that ignores SIGTERM is killed after the grace period") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"ignore-term"})).has_value());
  REQUIRE(eventually([&] { return bench.log().find("waiting") != std::string::npos; }));
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(engine.stop(ReplicaId("r-1"), std::chrono::milliseconds(300)).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(300));
  CHECK(exited.exit_signal == SIGKILL);
  CHECK(exited.message.find("R12") != std::string::npos);
}

TEST_CASE("stopping what does not exist or has ended is success") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  CHECK(engine.stop(ReplicaId("nobody"), std::chrono::seconds(1)).has_value());
  REQUIRE(engine.start(bench.spec("r-1", {"exit", "0"})).has_value());
  bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(engine.stop(ReplicaId("r-1"), std::chrono::seconds(1)).has_value());
}

TEST_CASE("a replica without a port is ready at once") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  REQUIRE(bench.open().start(bench.spec("r-1", {"wait-term"})).has_value());
  const runtime::Endpoint endpoint = bench.events.wait_ready(ReplicaId("r-1")).endpoint;
  CHECK(!endpoint.address.empty());  // health checks may name a port
  CHECK(endpoint.port == 0);
}

TEST_CASE("what a program says first is heard, however early it says it") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  for (int i = 0; i < 50; ++i)
    CHECK(run(bench, engine, "r-" + std::to_string(i),
              {"lookup", bench.gateway(), "nobody.internal"}) == "lookup code 3\n");
}

TEST_CASE("a program on another port is found there, with a notice") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"serve", "0.0.0.0", "3000"});
  spec.port = 5000;
  REQUIRE(bench.open().start(spec).has_value());
  const auto ready = bench.events.wait_ready(ReplicaId("r-1"));
  CHECK(ready.endpoint.port == 3000);
  CHECK(ready.message == "listens on port 3000 instead of $PORT (5000); requests are sent there");
  CHECK(http_get(ready.endpoint).find("hello") != std::string::npos);
}

TEST_CASE("a program on loopback only is ended with that reason") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"serve", "127.0.0.1"});
  spec.port = 5000;
  REQUIRE(bench.open().start(spec).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::loopback_only);
  CHECK(exited.message ==
        "listens on 127.0.0.1:5000 only, where no request can reach it; listen on "
        "0.0.0.0:$PORT instead");
}

TEST_CASE("a program that never listens is ended at the boot timeout") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto spec = bench.spec("r-1", {"wait-term"});
  spec.port = 5000;
  spec.boot_timeout = std::chrono::seconds(1);
  REQUIRE(bench.open().start(spec).has_value());
  const auto exited = bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(exited.reason == ExitReason::boot_timeout);
  CHECK(exited.message.find("R10") != std::string::npos);
}

TEST_CASE("ten replicas start side by side and each answers") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  std::vector<std::thread> starters;
  std::atomic<int> good = 0;
  for (int i = 0; i < 10; ++i)
    starters.emplace_back([&, i] {
      if (engine.start(bench.web("r-" + std::to_string(i))).has_value()) ++good;
    });
  for (auto& starter : starters) starter.join();
  REQUIRE(good == 10);
  for (int i = 0; i < 10; ++i) {
    const std::string id = "r-" + std::to_string(i);
    CHECK(http_get(bench.events.wait_ready(ReplicaId(id)).endpoint).find("hello from " + id) !=
          std::string::npos);
  }
}

TEST_CASE("the log is followed to a new file when it is moved away") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"lines", "100000", "20"})).has_value());
  REQUIRE(eventually([&] { return bench.log().find("line 3\n") != std::string::npos; }));
  fs::rename(bench.path("logs") / "current.log", bench.path("logs") / "old.log");
  CHECK(eventually([&] { return bench.log().find("app[web.1]: line ") != std::string::npos; }));
}

TEST_CASE("a flood of lines is cut and the cut is counted") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"lines", "200000"})).has_value());
  bench.events.wait_exit(ReplicaId("r-1"));
  const std::string log = bench.log();
  CHECK(log.find("line 10000\n") != std::string::npos);
  const auto notice = log.find(" berth[web.1]: Error L10 (output buffer overflow): ");
  REQUIRE(notice != std::string::npos);
  std::uint64_t dropped = 0;
  for (auto at = notice; at != std::string::npos; at = log.find("overflow): ", at + 1))
    if (const auto number = log.find("overflow): ", at); number != std::string::npos)
      dropped += std::strtoull(log.c_str() + (at = number) + 11, nullptr, 10);
  std::uint64_t kept = 0;
  for (auto at = log.find(" app[web.1]: line "); at != std::string::npos;
       at = log.find(" app[web.1]: line ", at + 1))
    ++kept;
  CHECK(kept + dropped == 200000);
}

TEST_CASE("nothing is left of replicas that ended") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  for (const char* id : {"r-1", "r-2", "r-3"}) REQUIRE(engine.start(bench.web(id)).has_value());
  for (const char* id : {"r-1", "r-2", "r-3"}) {
    bench.events.wait_ready(ReplicaId(id));
    REQUIRE(engine.stop(ReplicaId(id), std::chrono::seconds(0)).has_value());
    bench.events.wait_exit(ReplicaId(id));
    engine.remove(ReplicaId(id));
  }
  CHECK(engine.list().empty());
  CHECK(fs::is_empty(bench.path("data") / "replicas"));
  const auto options = bench.options();
  CHECK(eventually(
      [&] { return fs::is_empty("/sys/class/net/" + options.network.bridge + "/brif"); }));
  CHECK(runtime::Cgroups::open(options.cgroup)->list().empty());
  CHECK(read_file("/proc/self/mountinfo")->find(bench.path("data").string()) == std::string::npos);
}
