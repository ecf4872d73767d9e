// SPDX-License-Identifier: Apache-2.0
//
// A well-behaved client beside attackers, for router_more.py; BERTH_SIEGE is "PORT SECONDS". For
// each attack on HTTP/2 a line "RESULT name p50 p99 answered failed attacks": the client's
// latencies in microseconds and how many attacks the router ended meanwhile. The first line is
// without one. A doctest program, because the client of the router's tests is one.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/unit/router/http2_attacks.hpp"

using namespace berth::router::test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int attackers = 4;

/// Attacks without a pause in what CPU time the client and the upstream leave.
void attack_on(std::uint16_t port, const Http2Attack& attack, const std::atomic<bool>& stop,
               std::atomic<int>& ended) {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  while (!stop) {
    Http2Peer attacker(Peer::to_port(port), attack.settings);
    if (outcome_at_once(attacker, attack.frames) > 0) ++ended;
  }
}

void measure(std::uint16_t port, std::chrono::seconds time, const Http2Attack* attack) {
  std::atomic<bool> stop{false};
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (int i = 0; attack && i < attackers; ++i)
    threads.emplace_back([&] { attack_on(port, *attack, stop, ended); });
  std::vector<std::int64_t> latencies;
  std::size_t failed = 0;
  Http2Peer client(Peer::to_port(port));
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const auto begun = Clock::now();
    const bool served = client.answer(client.get("/")).status() == 200;
    latencies.push_back((Clock::now() - begun) / std::chrono::microseconds(1));
    if (!served) ++failed;
    if (!served) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(latencies);
  std::printf("RESULT %s\t%lld\t%lld\t%zu\t%zu\t%d\n", attack ? attack->name.c_str() : "nobody",
              static_cast<long long>(latencies[latencies.size() / 2]),
              static_cast<long long>(latencies[latencies.size() * 99 / 100]),
              latencies.size(), failed, ended.load());
}

}  // namespace

TEST_CASE("a client beside attackers") {
  const char* told = std::getenv("BERTH_SIEGE");
  unsigned port = 0;
  int seconds = 0;
  REQUIRE(told);
  REQUIRE(std::sscanf(told, "%u %d", &port, &seconds) == 2);
  const auto address = static_cast<std::uint16_t>(port);
  measure(address, std::chrono::seconds(seconds), nullptr);
  for (const Http2Attack& attack : http2_attacks())
    measure(address, std::chrono::seconds(seconds), &attack);
}
