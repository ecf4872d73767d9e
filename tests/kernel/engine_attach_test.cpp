// SPDX-License-Identifier: Apache-2.0
#include "tests/support/attach_peer.hpp"
#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

Peer attach(runtime::LocalEngine& engine, const std::string& id) {
  auto socket = engine.attach(ReplicaId(id));
  REQUIRE_MESSAGE(socket.has_value(), why(socket));
  return Peer(std::move(*socket));
}

}  // namespace

TEST_CASE("a one-off with a terminal talks, follows the window's size and returns its exit code") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("run-1", {"terminal", "6"});
  spec.terminal = true;
  spec.columns = 100;
  spec.rows = 30;
  REQUIRE(engine.start(spec).has_value());
  Peer peer = attach(engine, "run-1");
  CHECK(peer.until("tty /dev/pts/0\r\nsize 100x30\r\n"));
  peer.send(AttachFrame::data, "hello\n");
  CHECK(peer.until("got hello\r\n"));
  peer.send(AttachFrame::resize, std::string("\0\x50\0\x18", 4));
  CHECK(peer.until("size 80x24\r\n"));
  peer.send(AttachFrame::data, "quit\n");
  REQUIRE(peer.until_exit());
  CHECK(peer.code == 6);
  CHECK(peer.signal == 0);
  CHECK(bench.events.wait_exit(ReplicaId("run-1")).exit_code == 6);
  CHECK(bench.log() == "");
}

TEST_CASE("a key for interrupt and a signal frame reach the program on the terminal") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  for (const bool by_key : {true, false}) {
    auto spec = bench.spec(by_key ? "run-1" : "run-2", {"echo"});
    spec.terminal = true;
    REQUIRE(engine.start(spec).has_value());
    Peer peer = attach(engine, spec.id.value);
    peer.send(AttachFrame::data, "x\n");
    CHECK(peer.until("x\r\nx\r\n"));
    if (by_key)
      peer.send(AttachFrame::data, "\x03");
    else
      peer.send(AttachFrame::signal, "\x02");
    REQUIRE(peer.until_exit());
    CHECK(peer.signal == 2);
  }
}

TEST_CASE(
    "a one-off without a terminal takes standard input to its end and gives every byte back") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("run-1", {"echo"});
  spec.attach_stdin = true;
  REQUIRE(engine.start(spec).has_value());
  Peer peer = attach(engine, "run-1");
  std::string sent;
  for (int i = 0; i < 20; ++i) {
    const std::string block(10'000, static_cast<char>('a' + i));
    peer.send(AttachFrame::data, block);
    sent += block;
  }
  peer.send(AttachFrame::end);
  REQUIRE(peer.until_exit());
  CHECK(peer.output == sent);
  CHECK(peer.code == 0);
}

TEST_CASE("the output of a one-off that ended before anybody came is still given") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("run-1", {"lines", "2"});
  spec.attach_stdin = true;
  REQUIRE(engine.start(spec).has_value());
  bench.events.wait_exit(ReplicaId("run-1"));
  Peer peer = attach(engine, "run-1");
  REQUIRE(peer.until_exit());
  CHECK(peer.output == "line 1\nline 2\n");
}

TEST_CASE("attaching to what was not started for it is refused") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  REQUIRE(engine.start(bench.spec("r-1", {"wait-term"})).has_value());
  CHECK(why(engine.attach(ReplicaId("r-1"))) == "web.1 was not started to be attached to");
  CHECK(engine.attach(ReplicaId("r-2")).error().kind == ErrorKind::not_found);
}
