// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/canary.hpp"

#include <doctest/doctest.h>

#include <random>

namespace berth::runtime {
namespace {

constexpr Time start{std::chrono::hours(1000)};
using Kind = Verdict::Kind;

AnsweredRequests requests(std::uint64_t count, std::uint64_t failed, std::uint64_t us = 20'000) {
  AnsweredRequests result{.count = count, .failed = failed};
  result.latency[histogram::bucket_of(us)] = count;
  return result;
}

Verdict judged(const AnsweredRequests& canary, const AnsweredRequests& regular,
               Duration after = 60s, Duration promote = 600s) {
  return judge({.since = start, .canary = canary, .regular = regular}, promote, start + after);
}

TEST_CASE("a canary whose requests fail more is aborted as soon as that is clear") {
  CHECK(judged(requests(40, 2), requests(800, 0)).kind == Kind::wait);
  const Verdict verdict = judged(requests(40, 3), requests(800, 0));
  CHECK(verdict.kind == Kind::abort);
  CHECK(verdict.why == "7.5 % of its 40 requests failed, 0.0 % of the others'");
  // What fails on both sides is not the canary's fault.
  CHECK(judged(requests(40, 4), requests(800, 80)).kind == Kind::wait);
  CHECK(judged(requests(400, 100), requests(8000, 800)).kind == Kind::abort);
  // A difference that is clear and small.
  CHECK(judged(requests(100'000, 1000), requests(1'000'000, 0)).kind == Kind::wait);
  CHECK(judged(requests(10, 10), requests(0, 0)).kind == Kind::abort);
}

TEST_CASE("a canary that is far slower is aborted when both sides have enough requests") {
  CHECK(judged(requests(99, 0, 900'000), requests(5000, 0)).kind == Kind::wait);
  const Verdict verdict = judged(requests(100, 0, 900'000), requests(5000, 0));
  CHECK(verdict.kind == Kind::abort);
  CHECK(verdict.why.starts_with("95 % took up to 9"));
  CHECK(judged(requests(100, 0, 80'000), requests(5000, 0)).kind == Kind::wait);
}

TEST_CASE("a canary that fares well is promoted after its time, unless a person is to do it") {
  CHECK(judged(requests(40, 0), requests(800, 0), 599s).kind == Kind::wait);
  const Verdict verdict = judged(requests(40, 0), requests(800, 8), 600s);
  CHECK(verdict.kind == Kind::promote);
  CHECK(verdict.why.starts_with("0.0 % of its 40 requests failed, 1.0 % of the others'; 95 %"));
  CHECK(judged(requests(0, 0), requests(0, 0), 600s).kind == Kind::promote);
  CHECK(judged(requests(40, 0), requests(800, 8), 6000s, 0s).kind == Kind::wait);
}

/// Looked at every second for ten minutes: 5 % of 40 requests a second.
TEST_CASE("by chance, few canaries as good as the others are aborted, and no bad one is promoted") {
  int wrong = 0;
  int missed = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    for (const bool bad : {false, true}) {
      CanaryTrial trial{.since = start};
      Kind kind = Kind::wait;
      for (int second = 1; kind == Kind::wait; ++second) {
        std::binomial_distribution<int> ours(2, bad ? 0.1 : 0.01);
        std::binomial_distribution<int> others(38, 0.01);
        trial.canary += requests(2, static_cast<std::uint64_t>(ours(random)));
        trial.regular += requests(38, static_cast<std::uint64_t>(others(random)));
        kind = judge(trial, 600s, start + std::chrono::seconds(second)).kind;
      }
      wrong += !bad && kind == Kind::abort;
      missed += bad && kind == Kind::promote;
    }
  }
  CHECK(wrong <= 10);
  CHECK(missed == 0);
}

}  // namespace
}  // namespace berth::runtime
