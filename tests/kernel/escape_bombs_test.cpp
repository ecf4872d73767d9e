// SPDX-License-Identifier: Apache-2.0
//
// Replicas that take all they can get: each stops at a limit of its own, while its neighbour
// answers and others start.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/disk_usage.hpp"
#include "tests/support/container_bench.hpp"
#include "tests/support/outside.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// Whether the replica answers a request within five seconds; `why` it does not.
bool answers(const runtime::Endpoint& endpoint, std::string& why) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
  to.sin_addr.s_addr = htonl(*runtime::parse_ipv4(endpoint.address));
  const std::string_view request = "GET / HTTP/1.1\r\n\r\n";
  char answer[512];
  errno = 0;
  const bool answered =
      ::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
      ::recv(socket.get(), answer, sizeof answer, 0) > 0;
  why = std::strerror(errno);
  return answered;
}

ReplicaSpec bomb_in(const ContainerBench& bench, std::vector<std::string> words) {
  auto spec = bench.spec("bomb", std::move(words));
  spec.name = "bomb";
  spec.app_id = "app-2";
  spec.uid_base = 0x20010000;
  spec.limits.pids = 64;
  spec.limits.cpu_milli = 500;
  return spec;
}

/// A neighbour that serves, and a bomb beside it.
struct Neighbours {
  ContainerBench bench;
  runtime::LocalEngine& engine = bench.open();
  runtime::Endpoint endpoint;

  Neighbours() {
    REQUIRE(engine.start(bench.web("neighbour")).has_value());
    endpoint = bench.events.wait_ready(ReplicaId("neighbour")).endpoint;
  }
  ReplicaSpec bomb(std::vector<std::string> words) { return bomb_in(bench, std::move(words)); }
  /// A disk that has thousands of files to forget keeps all of the machine waiting now and then.
  void check_answers() {
    std::string why;
    CHECK_MESSAGE(eventually([&] { return answers(endpoint, why); }), why);
  }
  void check_unharmed() {
    check_answers();
    CHECK(run(bench, engine, "later", {"exit", "0"}).empty());
    check_answers();
  }
};

}  // namespace

TEST_CASE("bombs: forks without end stop at the limit of processes, and end with the replica") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  REQUIRE(both.engine.start(both.bomb({"fork-bomb"})).has_value());
  REQUIRE(eventually([&] {
    const auto stats = both.engine.stats(ReplicaId("bomb"));
    return stats.has_value() && stats->pids >= 60;
  }));
  CHECK(both.engine.stats(ReplicaId("bomb"))->pids <= 64);
  both.check_unharmed();
  CHECK(both.engine.stop(ReplicaId("bomb"), std::chrono::seconds(0)).has_value());
  both.bench.events.wait_exit(ReplicaId("bomb"));
}

TEST_CASE("bombs: memory without end is the bomb's own end") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  REQUIRE(both.engine.start(both.bomb({"eat-memory", "100000"})).has_value());
  CHECK(both.bench.events.wait_exit(ReplicaId("bomb")).reason == ExitReason::out_of_memory);
  both.check_unharmed();
}

TEST_CASE("bombs: files without bytes end the replica at the limit of files") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  auto spec = both.bomb({"inode-bomb", "/app", "30000"});
  spec.limits.disk_bytes = 64ULL << 20;  // ten thousand files
  REQUIRE(both.engine.start(spec).has_value());
  const auto exited = both.bench.events.wait_exit(ReplicaId("bomb"));
  CHECK(exited.reason == ExitReason::disk_limit);
  CHECK_MESSAGE(exited.message.find("files on its disk, which is limited to 10000 at 64 MB") !=
                    std::string::npos,
                exited.message);
  both.check_unharmed();
}

TEST_CASE("bombs: files in /tmp count as the replica's memory") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  auto spec = both.bomb({"inode-bomb", "/tmp", "2000000"});
  spec.limits.memory_bytes = 32ULL << 20;
  REQUIRE(both.engine.start(spec).has_value());
  REQUIRE(eventually([&] {
    const auto text = both.bench.printed("bomb");
    const auto list = both.engine.list();
    const auto bomb = std::ranges::find_if(
        list, [](const auto& status) { return status.spec.id == ReplicaId("bomb"); });
    return text.find("made ") != std::string::npos || bomb->state == ReplicaState::exited;
  }));
  CHECK(both.bench.printed("bomb").find(" ALL") == std::string::npos);
  both.check_unharmed();
}

TEST_CASE("bombs: descriptors end at the process's limit") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  REQUIRE(both.engine.start(both.bomb({"descriptor-bomb"})).has_value());
  REQUIRE(eventually([&] { return !both.bench.printed("bomb").empty(); }));
  CHECK(both.bench.printed("bomb").ends_with(" EMFILE\n"));
  both.check_unharmed();
}

TEST_CASE("bombs: what the kernel counts for all containers together ends at the replica's limit") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  std::string verb, refusal;
  int most = 128;
  SUBCASE("watchers") {
    verb = "watcher-bomb";
    refusal = " EMFILE\n";
  }
  SUBCASE("terminals") {
    verb = "terminal-bomb";
    refusal = " ENOSPC\n";
  }
  SUBCASE("signals") {
    verb = "signal-bomb";
    refusal = " EAGAIN\n";
    most = 4096;
  }
  REQUIRE(both.engine.start(both.bomb({verb})).has_value());
  REQUIRE(eventually([&] { return !both.bench.printed("bomb").empty(); }));
  if (!in_gvisor()) {
    const std::string printed = both.bench.printed("bomb");
    int made = 0;
    CHECK(std::sscanf(printed.c_str(), "%*s %d", &made) == 1);
    CHECK_MESSAGE(made <= most, printed);
    CHECK_MESSAGE(made > most - 10, printed);  // the user may have a few elsewhere
    CHECK_MESSAGE(printed.ends_with(refusal), printed);
  }
  // Ours is the user whose limits these would be.
  CHECK(Fd(::inotify_init1(IN_CLOEXEC)));
  CHECK(Fd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)));
  both.check_unharmed();
}

TEST_CASE("bombs: a flood of long lines is cut before it fills the disk") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  REQUIRE(both.engine.start(both.bomb({"log-flood"})).has_value());
  REQUIRE(eventually([&] { return both.bench.log().find("Error L10") != std::string::npos; }));
  // Two seconds' worth, and what came in the seconds since.
  CHECK(fs::file_size(both.bench.path("logs") / "current.log") < 32U << 20);
  both.check_unharmed();
}

TEST_CASE("bombs: what waits in sockets is the replica's memory") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  std::vector<std::string> words{"socket-bomb"};
  SUBCASE("connections") {}
  SUBCASE("datagrams") { words.emplace_back("datagrams"); }
  auto spec = both.bomb(words);
  spec.limits.memory_bytes = 64ULL << 20;
  REQUIRE(both.engine.start(spec).has_value());
  // On cgroup v2 it is one memory with the program's, and may be the program's end.
  REQUIRE(eventually([&] {
    const auto list = both.engine.list();
    return !both.bench.printed("bomb").empty() ||
           std::ranges::any_of(list, [](const auto& status) {
             return status.spec.id == ReplicaId("bomb") && status.state == ReplicaState::exited;
           });
  }));
  int held = 0;
  (void)std::sscanf(both.bench.printed("bomb").c_str(), "held %d MB", &held);
  MESSAGE("held " << held << " MB");
  CHECK(held < 128);
  both.check_unharmed();
}

TEST_CASE("bombs: connections without end are refused at the app's share") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto options = bench.options();
  options.network.connections_per_app = 40;
  auto& engine = bench.open(options);
  const Outside outside(options.network.veth_prefix);
  const auto bomb = bomb_in(bench, {"connection-bomb", "203.0.113.2", outside.port});
  REQUIRE(engine.start(bomb).has_value());
  REQUIRE(eventually([&] { return !bench.printed("bomb").empty(); }));
  CHECK(bench.printed("bomb") == "connected 40 ECONNREFUSED\n");
  // All replicas of the app share it; others have their own.
  auto second = bomb_in(bench, {"connect", "203.0.113.2", outside.port});
  second.id = ReplicaId("second");
  second.name = "second";
  REQUIRE(engine.start(second).has_value());
  bench.events.wait_exit(second.id);
  CHECK(bench.printed("second") == "connect ECONNREFUSED\n");
  CHECK(run(bench, engine, "other", {"connect", "203.0.113.2", outside.port}) ==
        "connect connected\n");
}

TEST_CASE("bombs: who sends to many addresses has nobody look for them") {
  SKIP_WITHOUT_CONTAINERS();
  // The kernel looks for a thousand neighbours at a time, of all of the machine.
  Neighbours both;
  const std::string printed =
      run(both.bench, both.engine, "bomb", {"neighbour-bomb", both.endpoint.address});
  if (!in_gvisor()) CHECK(printed == "neighbours 1\n");
  std::istringstream table(*read_file("/proc/net/arp"));
  std::size_t on_the_bridge = 0;
  for (std::string line; std::getline(table, line);)
    if (line.ends_with(" " + both.bench.options().network.bridge)) ++on_the_bridge;
  CHECK(on_the_bridge == 2);  // its own and the neighbour's
  both.check_unharmed();
}

TEST_CASE("bombs: questions for names without end are dropped, and others' are answered") {
  SKIP_WITHOUT_CONTAINERS();
  Neighbours both;
  REQUIRE(both.engine.start(both.bomb({"question-flood", both.bench.gateway()})).has_value());
  const auto seconds = [&] {
    std::vector<std::pair<int, int>> all;
    std::istringstream lines(both.bench.printed("bomb"));
    int asked = 0;
    int answered = 0;
    for (std::string line; std::getline(lines, line);)
      if (std::sscanf(line.c_str(), "asked %d answered %d", &asked, &answered) == 2)
        all.emplace_back(asked, answered);
    return all;
  };
  REQUIRE(eventually([&] { return seconds().size() >= 4; }));
  const auto [asked, answered] = seconds()[3];  // what it may have at the beginning is used up
  MESSAGE("asked " << asked << " questions in a second, of which " << answered << " had answers");
  CHECK(asked > answered);
  CHECK(answered < 2000);
  for (int i = 0; i < 20; ++i)
    CHECK(run(both.bench, both.engine, "ask-" + std::to_string(i),
              {"lookup", both.bench.gateway(), "web.internal"})
              .starts_with("lookup code 0 "));
}
