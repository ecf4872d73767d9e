// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

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
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "no connection";
  (void)write_all(socket.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string answer;
  char buffer[1024];
  ssize_t count;
  while ((count = ::read(socket.get(), buffer, sizeof buffer)) > 0) answer.append(buffer, static_cast<std::size_t>(count));
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
  CHECK(eventually([&] { return bench.log().find("+00:00 app[web.1]: listening\n") != std::string::npos; }));
  const auto stats = engine.stats(ReplicaId("r-1"));
  REQUIRE(stats.has_value());
  CHECK(stats->pids == 2);
  CHECK(stats->memory_bytes > 0);
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
