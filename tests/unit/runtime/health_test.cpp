// SPDX-License-Identifier: Apache-2.0
#include "runtime/health/health.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace berth::runtime {
namespace {

using platform::HealthCheck;
using Type = HealthCheck::Type;
using Kind = HealthCheck::Kind;

constexpr Time start{std::chrono::hours(1000)};

HealthCheck rule(Type type, int attempts = 3, Duration wait = 5s) {
  HealthCheck check{.type = type, .kind = Kind::http, .path = "/h", .attempts = attempts,
                    .wait = wait};
  check.name = platform::describe(check);
  return check;
}

/// Time passes, checks are tried when they are due and answer what is set.
struct Replica {
  Replica(std::vector<HealthCheck> rules, Duration limit = 60s)
      : health(rules, start, limit), passes(rules.size(), true) {}

  Replica& until(Duration end) {
    for (;;) {
      for (const std::size_t i : health.due(now)) {
        ++tries;
        for (auto& notice : health.answer(i, {passes[i], passes[i] ? "answered 200"
                                                                   : "answered 503"}, now))
          notices.push_back(notice.text);
      }
      const Time next = health.next();
      if (next == Time{} || next > start + end) break;
      now = std::max(now, next);
    }
    now = start + end;
    return *this;
  }
  Health health;
  std::vector<bool> passes;
  std::vector<std::string> notices;
  Time now = start;
  int tries = 0;
};

TEST_CASE("without checks a replica that listens is ready, and nothing is tried") {
  Replica replica({});
  CHECK(replica.health.ready());
  CHECK(replica.health.settled());
  CHECK(replica.until(1h).tries == 0);
}

TEST_CASE("a startup check gates the others, and its pass is noticed soon after it comes") {
  Replica replica({rule(Type::startup), rule(Type::readiness), rule(Type::liveness)});
  replica.passes[0] = false;
  replica.until(2s);
  CHECK(!replica.health.ready());
  CHECK(replica.health.checks()[1].answered_at == Time{});
  CHECK(replica.health.checks()[2].answered_at == Time{});
  replica.passes[0] = true;
  replica.until(3s);
  CHECK(replica.health.settled());
  CHECK(replica.health.checks()[2].answered_at != Time{});
}

TEST_CASE("a startup check has all the time of its attempts, then its replica has to go") {
  Replica replica({rule(Type::startup, 3, 5s)});
  replica.passes[0] = false;
  replica.until(9s);
  CHECK(replica.health.verdict() == "");
  replica.until(12s);
  CHECK(replica.health.verdict() ==
        "failed its startup check (GET /h answered 503) 3 times in a row");
  CHECK(replica.health.due(start + 1h).empty());
}

TEST_CASE("an initial delay and an uptime count from the replica's start") {
  HealthCheck late = rule(Type::startup);
  late.initial_delay = 7s;
  HealthCheck up{.kind = Kind::uptime, .name = "up", .uptime = 9s};
  Replica replica({late, up});
  CHECK(replica.until(6s).tries == 0);
  CHECK(replica.until(8s).tries == 1);
  CHECK(!replica.health.ready());
  CHECK(replica.until(9s).health.ready());
}

TEST_CASE("readiness that does not come in time fails the start, however many attempts it has") {
  Replica replica({rule(Type::readiness, 1, 1s)}, 20s);
  replica.passes[0] = false;
  replica.until(19s);
  CHECK(replica.health.verdict() == "");
  replica.until(22s);
  CHECK(replica.health.verdict() ==
        "did not pass its readiness check (GET /h answered 503) in time");
}

TEST_CASE("readiness takes a replica out of traffic and back, and never ends it") {
  Replica replica({rule(Type::readiness, 2, 5s)});
  replica.until(30s);
  REQUIRE(replica.health.ready());
  replica.passes[0] = false;
  replica.until(41s);
  CHECK(replica.health.ready());  // one failure is none
  replica.until(46s);
  CHECK(!replica.health.ready());
  CHECK(replica.health.settled());
  replica.until(1h);
  CHECK(replica.health.verdict() == "");
  replica.passes[0] = true;
  replica.until(1h + 2s);
  CHECK(replica.health.ready());
  CHECK(replica.notices ==
        std::vector<std::string>{"Failed its readiness check (GET /h answered 503) 2 times in a "
                                 "row: it gets no traffic until it passes",
                                 "Readiness check passed: it gets traffic again"});
}

TEST_CASE("liveness ends a replica only by failures in a row") {
  Replica replica({rule(Type::liveness, 3, 1s)});
  CHECK(replica.health.ready());
  replica.until(20s);
  replica.passes[0] = false;
  replica.until(21s);
  replica.passes[0] = true;
  replica.until(60s);
  CHECK(replica.health.verdict() == "");
  replica.passes[0] = false;
  replica.until(80s);
  CHECK(replica.health.verdict() ==
        "failed its liveness check (GET /h answered 503) 3 times in a row");
}

TEST_CASE("a check that only warns says so once and changes nothing") {
  HealthCheck warning = rule(Type::startup, 2, 1s);
  warning.warn = true;
  HealthCheck alive = rule(Type::liveness, 1, 1s);
  alive.warn = true;
  Replica replica({warning, alive});
  replica.passes = {false, false};
  replica.until(60s);
  CHECK(replica.health.ready());
  CHECK(replica.health.verdict() == "");
  CHECK(replica.notices.size() == 2);
}

TEST_CASE("a replica that served before the server came is believed until a check fails") {
  Replica replica({rule(Type::startup), rule(Type::readiness, 1, 1s)});
  replica.health.believe();
  CHECK(replica.health.ready());
  replica.passes[1] = false;
  replica.until(1s);
  CHECK(!replica.health.ready());
}

TEST_CASE("commands are not tried more often than their wait, and a wait of nothing is no spin") {
  HealthCheck command{.type = Type::startup, .kind = Kind::command, .name = "c",
                      .command = {"c"}, .attempts = 4, .wait = 5s};
  Replica slow({command});
  slow.passes[0] = false;
  CHECK(slow.until(60s).tries == 4);
  Replica fast({rule(Type::startup, 1000, 0s)});
  fast.passes[0] = false;
  fast.until(1s);
  CHECK(fast.tries <= 11);
}

}  // namespace
}  // namespace berth::runtime
