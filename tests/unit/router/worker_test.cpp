// SPDX-License-Identifier: Apache-2.0
#include "router/worker.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "router/listen.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

TEST_CASE("a request that waits before the first table is answered by that table") {
  Table table;
  table.apps["hello"] = App{.name = "hello", .state = AppState::maintenance};
  table.hosts["hello.localhost"] = "hello";
  SnapshotBuilder builder(1);
  Changes all;
  all.all = true;
  const auto snapshot = builder.build(table, all);
  TcpListeners bound = listen_tcp("127.0.0.1:0", 1).value();
  std::vector<Listener> listeners;
  listeners.push_back({std::move(bound.sockets[0]), "80", false});
  Deaf observer;
  Worker worker(0, std::move(listeners), {}, observer);
  REQUIRE(worker.open().has_value());
  Peer client = Peer::to_port(bound.port);
  client.send(get("/"));
  worker.publish(*snapshot);
  std::thread thread([&] { worker.run(); });
  CHECK(client.read_message().status() == 503);
  worker.stop();
  thread.join();
}

}  // namespace berth::router::test
