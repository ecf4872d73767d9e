// SPDX-License-Identifier: Apache-2.0
#include "tests/support/attach_peer.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

Peer exec(runtime::LocalEngine& engine, const std::string& id, runtime::ExecSpec spec) {
  auto socket = engine.exec(ReplicaId(id), spec);
  REQUIRE_MESSAGE(socket.has_value(), why(socket));
  return Peer(std::move(*socket));
}

}  // namespace

TEST_CASE("a further program runs in a running replica, with its input, output and exit code") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.web("r-1")).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  Peer lines = exec(engine, "r-1", {.argv = {"/bin/payload", "lines", "2"}});
  REQUIRE(lines.until_exit());
  CHECK(lines.output == "line 1\nline 2\n");
  CHECK(lines.code == 0);
  Peer echo = exec(engine, "r-1", {.argv = {"/bin/payload", "echo"}});
  echo.send(AttachFrame::data, "given back");
  echo.send(AttachFrame::end);
  REQUIRE(echo.until_exit());
  CHECK(echo.output == "given back");
  // The replica's own output and life are not touched.
  CHECK(bench.log().find("line 1") == std::string::npos);
  CHECK(engine.list().front().state == runtime::ReplicaState::ready);
}

TEST_CASE("a further program on a terminal follows the window's size and takes signals") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  Peer peer = exec(engine, "r-1",
                   {.argv = {"/bin/payload", "terminal", "6"},
                    .terminal = true,
                    .columns = 100,
                    .rows = 30});
  CHECK(peer.until("size 100x30\r\n"));
  peer.send(AttachFrame::data, "hello\n");
  CHECK(peer.until("got hello\r\n"));
  peer.send(AttachFrame::resize, std::string("\0\x50\0\x18", 4));
  CHECK(peer.until("size 80x24\r\n"));
  peer.send(AttachFrame::data, "quit\n");
  REQUIRE(peer.until_exit());
  CHECK(peer.code == 6);
  Peer other = exec(engine, "r-1", {.argv = {"/bin/payload", "echo"}});
  other.send(AttachFrame::signal, "\x0f");
  REQUIRE(other.until_exit());
  CHECK(other.signal == 15);
}

TEST_CASE("a further program ends with its peer, and its replica goes on") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  const auto pids = [&] { return engine.stats(ReplicaId("r-1"))->pids; };
  // The agent and the program; what started them may still be on its way out.
  CHECK(eventually([&] { return pids() == 2; }));
  {
    const Peer peer = exec(engine, "r-1", {.argv = {"/bin/payload", "echo"}});
    CHECK(eventually([&] { return pids() == 3; }));
  }
  CHECK(eventually([&] { return pids() == 2; }));
  CHECK(engine.list().front().state == runtime::ReplicaState::ready);
}

TEST_CASE("a further program that is not there, and one in what does not run, are told") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  const std::string missing = why(engine.exec(ReplicaId("r-1"), {.argv = {"/bin/none"}}));
  CHECK_MESSAGE(missing.find("/bin/none") != std::string::npos, missing);
  REQUIRE(engine.stop(ReplicaId("r-1"), std::chrono::seconds(5)).has_value());
  bench.events.wait_exit(ReplicaId("r-1"));
  CHECK(why(engine.exec(ReplicaId("r-1"), {.argv = {"/bin/payload"}})) == "web.1 does not run");
  CHECK(engine.exec(ReplicaId("r-2"), {.argv = {"x"}}).error().kind == ErrorKind::not_found);
}

TEST_CASE("a replica that an earlier server started takes further programs from the next") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  REQUIRE(bench.open().start(bench.spec("r-1", {"wait-term"})).has_value());
  bench.events.wait_ready(ReplicaId("r-1"));
  bench.close();
  Peer peer = exec(bench.open(), "r-1", {.argv = {"/bin/payload", "lines", "1"}});
  REQUIRE(peer.until_exit());
  CHECK(peer.output == "line 1\n");
}
