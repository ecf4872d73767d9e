// SPDX-License-Identifier: Apache-2.0
//
// How replicas are balanced by what they answered, when they came, and how they failed.
#include "router/standing.hpp"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <queue>
#include <vector>

#include "router/routing.hpp"

namespace berth::router {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t start = 1000 * second;

TEST_CASE("a slow answer counts at once and is forgotten over seconds") {
  Standing replica;
  replica.begin(start, 0, false);
  CHECK(replica.load(1, start) == replica.load(1, start + 60 * second));
  const std::uint64_t least = replica.load(1, start);
  CHECK(replica.load(4, start) == 4 * least);
  CHECK(replica.load(0, start) == 0);
  replica.answered(500, true, start);
  CHECK(replica.load(1, start) == least);  // quick is quick
  replica.answered(200'000, true, start);
  CHECK(replica.wait_us(start) == 200'000);
  CHECK(replica.load(1, start) == 9 * least);
  replica.answered(2'000, true, start + second / 100);
  CHECK(replica.wait_us(start + second / 100) > 190'000);
  CHECK(replica.wait_us(start + 5 * second) < 80'000);
  CHECK(replica.load(1, start + 60 * second) == least);
  replica.answered(-1, true, start + 60 * second);
  CHECK(replica.load(1, start + 60 * second) == least);
}

TEST_CASE("a replica that comes beside others takes a part of its share at first") {
  Standing replica;
  replica.begin(start, 0, true);
  Standing other;
  other.begin(start, 0, false);
  CHECK(replica.load(1, start) == 10 * other.load(1, start));
  CHECK(replica.load(1, start + 5 * second) == 2 * other.load(1, start));
  CHECK(replica.load(1, start + 10 * second) == other.load(1, start));
}

TEST_CASE("a replica that fails is set aside, longer each time, until it answers well") {
  Standing replica;
  replica.begin(start, 0, false);
  std::int64_t now = start;
  for (const int seconds : {2, 4, 8, 16, 32, 60, 60}) {
    replica.refused(now);
    CHECK(replica.is_aside(now + seconds * second - 1));
    CHECK(replica.load(1, now) >= avoided);
    now += seconds * second;
    CHECK_FALSE(replica.is_aside(now));
    CHECK(replica.load(1, now) < avoided);
  }
  replica.answered(1, true, now);
  replica.refused(now);
  CHECK_FALSE(replica.is_aside(now + 2 * second));
}

TEST_CASE("errors set a replica aside when there are five in a row") {
  Standing replica;
  replica.begin(start, 0, false);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) replica.answered(1, false, start);
    replica.answered(1, true, start);
  }
  CHECK_FALSE(replica.is_aside(start));
  for (int i = 0; i < 3; ++i) replica.answered(1, false, start);
  replica.disappointed(start);
  CHECK_FALSE(replica.is_aside(start));
  replica.disappointed(start);
  CHECK(replica.is_aside(start));
}

TEST_CASE("a replica is waited for awake while nearly all of its answers come at once") {
  Standing replica;
  replica.begin(start, 0, false);
  CHECK_FALSE(replica.is_prompt());
  const auto answer = [&](int times, std::int64_t waited_us) {
    for (int i = 0; i < times; ++i) replica.answered(waited_us, true, start);
  };
  answer(16, 30);
  CHECK(replica.is_prompt());
  answer(1, 5'000);
  CHECK_FALSE(replica.is_prompt());
  for (int i = 0; i < 100; ++i) {
    answer(4, 30);
    answer(1, 5'000);
  }
  CHECK_FALSE(replica.is_prompt());  // four of five are too few
  answer(40, 30);
  answer(4, -1);
  CHECK(replica.is_prompt());
}

TEST_CASE("second attempts are a fifth of the requests, and some more") {
  RetryBudget budget;
  int taken = 0;
  while (budget.take(start)) ++taken;
  CHECK(taken == 100);
  CHECK_FALSE(budget.take(start));
  for (int i = 0; i < 100; ++i) budget.requested();
  taken = 0;
  while (budget.take(start)) ++taken;
  CHECK(taken >= 19);
  CHECK(taken <= 20);
  taken = 0;
  while (budget.take(start + second)) ++taken;
  CHECK(taken == 10);
}

/// Requests that come at random times to replicas which serve several at once, each with a time of
/// its own; the mean time that they take, and each replica's part.
struct Crowd {
  std::vector<Standing> standings;
  std::vector<std::int64_t> takes_us;
  std::vector<std::uint32_t> in_flight;
  std::vector<int> served;
  double mean_us = 0;

  explicit Crowd(std::vector<std::int64_t> takes)
      : standings(takes.size()), takes_us(takes), in_flight(takes.size()), served(takes.size()) {}

  void run(int requests, std::int64_t apart_us, bool by_standing) {
    Random random(7);
    using End = std::pair<std::int64_t, std::size_t>;
    std::priority_queue<End, std::vector<End>, std::greater<>> ends;
    std::int64_t now = start;
    for (int i = 0; i < requests; ++i) {
      now += random.below(static_cast<std::uint32_t>(2 * apart_us));
      for (; !ends.empty() && ends.top().first <= now; ends.pop()) {
        const auto [at, replica] = ends.top();
        --in_flight[replica];
        standings[replica].answered(takes_us[replica], true, at);
      }
      const std::size_t chosen =
          choose_replica(takes_us.size(), random, [&](std::size_t n) -> std::uint64_t {
            return by_standing ? standings[n].load(in_flight[n], now) : in_flight[n];
          });
      ++in_flight[chosen];
      ++served[chosen];
      ends.emplace(now + takes_us[chosen], chosen);
      mean_us += static_cast<double>(takes_us[chosen]) / requests;
    }
  }
};

TEST_CASE("a slow replica among quick ones costs less than by the number of requests alone") {
  const std::vector<std::int64_t> takes{20'000, 20'000, 20'000, 200'000};
  Crowd by_number(takes);
  by_number.run(20'000, 10'000, false);
  Crowd by_standing(takes);
  by_standing.run(20'000, 10'000, true);
  const double quick = 20'000;  // what the slow one costs comes on top of that
  CHECK(by_standing.mean_us - quick < 0.8 * (by_number.mean_us - quick));
  CHECK(by_standing.served[3] > 20);  // it is asked now and then whether it is better
}

TEST_CASE("replicas that are alike get alike, however quick they are") {
  for (const std::int64_t takes : {100, 5'000, 300'000}) {
    Crowd crowd({takes, takes, takes, takes});
    crowd.run(20'000, takes / 8 + 1, true);
    for (const int served : crowd.served) CHECK_MESSAGE(served > 4'000, takes);
  }
}

}  // namespace
}  // namespace berth::router
