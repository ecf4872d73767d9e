// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/plan_case.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace berth::runtime {
namespace {

using namespace test;

constexpr auto ready = ReplicaState::ready;
constexpr auto starting = ReplicaState::starting;

TEST_CASE("a program that ends well is a release if nothing serves, else a failure") {
  Case first;
  first.pending(1);
  first.exited("a", "web", 1, 1, 2s).succeeded = true;
  CHECK(words(first.at(3s)) == Words{"forget a", "settle v1 ok"});
  Case later;
  later.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  later.exited("b", "web", 1, 2, 2s).succeeded = true;
  CHECK(words(later.at(3s)) == Words{"forget b", "settle v2: web.1 exited (exit status 1)"});
}

TEST_CASE("a replica that its health checks give up is stopped, and another starts in its place") {
  Case app;
  app.serves(1).replica("a", "web", 1, 1, ready).unhealthy = "failed its liveness check";
  const Plan plan = app.at(200s);
  CHECK(words(plan) == Words{"stop a", "start web.1 v1"});
  CHECK(routed(plan).empty());
  CHECK(plan.memory.slots.at({"web", 1, 1}).message == "failed its liveness check");
  // Its end, which was asked for, is no second crash.
  app.memory = plan.memory;
  app.observed.back().state = ReplicaState::exited;
  app.observed.back().stopping = true;
  app.observed.back().exited_at = start_of_time + 201s;
  app.replica("b", "web", 1, 1, starting, 200s);
  const Plan after = app.at(202s);
  CHECK(words(after) == Words{"forget a"});
  CHECK(after.memory.slots.at({"web", 1, 1}).failures == 1);
}

TEST_CASE("checks that fail again and again are followed by growing pauses, as crashes are") {
  Case app;
  app.serves(1).replica("a", "web", 1, 1, ready).unhealthy = "failed its liveness check";
  app.memory.slots[{"web", 1, 1}] = {.failures = 2, .last_exit = start_of_time};
  const Plan plan = app.at(10s);
  CHECK(words(plan) == Words{"stop a"});
  CHECK(plan.next == start_of_time + 12s);
}

TEST_CASE("a pending release whose replica fails its checks fails with what the check said") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 1, 2, starting, 1s).unhealthy = "failed its startup check";
  const Plan plan = app.at(5s);
  CHECK(words(plan) == Words{"stop b", "settle v2: web.1 failed its startup check"});
  CHECK(routed(plan) == Words{"a"});
}

TEST_CASE("a replica that is not ready for traffic is left alone and gets none") {
  Case app;
  app.serves(1, 2).replica("a", "web", 1, 1, ready).unready = true;
  app.replica("b", "web", 2, 1, ready);
  CHECK(words(app.at(200s)).empty());
  CHECK(routed(app.at(200s)) == Words{"b"});
}

TEST_CASE("a release does not succeed while a readiness check of it fails") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 1, 2, ready, 1s).unready = true;
  CHECK(words(app.at(5s)).empty());
  app.observed.back().unready = false;
  CHECK(words(app.at(5s)) == Words{"settle v2 ok"});
}

TEST_CASE("replicas of another size are replaced as in a restart: the new one serves first") {
  Case app;
  app.serves(1).replica("a", "web", 1, 1, ready).shape = "standard";
  app.desired.target.processes["web"].shape = "1g";
  CHECK(words(app.at(100s)) == Words{"start web.1 v1"});
  CHECK(routed(app.at(100s)) == Words{"a"});
  app.replica("b", "web", 1, 1, ready, 100s).shape = "1g";
  CHECK(words(app.at(102s)) == Words{"drain a"});
  CHECK(routed(app.at(102s)) == Words{"b"});
}

TEST_CASE("another size ends a back-off: it may be what the crashes were for") {
  Case app;
  app.serves(1);
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 6, .last_exit = start_of_time, .shape = "standard"};
  app.desired.target.processes["web"].shape = "standard";
  CHECK(words(app.at(5s)).empty());
  app.desired.target.processes["web"].shape = "1g";
  CHECK(words(app.at(5s)) == Words{"start web.1 v1"});
}

TEST_CASE("a release command runs alone, before any replica of its release starts") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.desired.release_command = true;
  CHECK(words(app.at(2s)) == Words{"start release.1 v2"});
  CHECK(routed(app.at(2s)) == Words{"a"});
  app.replica("m", "release", 1, 2, ready);
  CHECK(words(app.at(3s)).empty());
  CHECK(app.at(3s).next == start_of_time + 1h);
}

TEST_CASE("when the release command has succeeded, the rollout goes on as without one") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.desired.release_command = true;
  app.exited("m", "release", 1, 2, 4s).succeeded = true;
  const Plan plan = app.at(5s);
  CHECK(words(plan) == Words{"forget m", "start web.1 v2"});
  app.observed.pop_back();
  app.memory = plan.memory;
  CHECK(words(app.at(6s)) == Words{"start web.1 v2"});
}

TEST_CASE("a release command that fails settles the release as failed, and the old one goes on") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.desired.release_command = true;
  app.exited("m", "release", 1, 2, 4s).message = "exited with status 3";
  const Plan plan = app.at(5s);
  CHECK(words(plan) ==
        Words{"forget m", "settle v2: the release command exited with status 3"});
  CHECK(routed(plan) == Words{"a"});
}

TEST_CASE("a release command that takes too long is stopped") {
  Case app;
  app.serves(1).pending(2).replica("a", "web", 1, 1, ready);
  app.desired.release_command = true;
  app.replica("m", "release", 1, 2, ready);
  CHECK(words(app.at(1h)) == Words{"settle v2: the release command took too long", "stop m"});
}

TEST_CASE("a newer release's command waits until the one before has ended") {
  Case app;
  app.serves(1).pending(3).replica("a", "web", 1, 1, ready);
  app.desired.release_command = true;
  app.replica("m", "release", 1, 2, ready);
  CHECK(words(app.at(2s)) == Words{"stop m"});
  app.observed.back().stopping = true;
  CHECK(words(app.at(3s)).empty());
  app.observed.back().state = ReplicaState::exited;
  CHECK(words(app.at(4s)) == Words{"forget m", "start release.1 v3"});
}

TEST_CASE("the release command of a release that has succeeded is not run again") {
  Case app;
  app.serves(2).replica("a", "web", 1, 2, ready);
  app.desired.release_command = true;
  CHECK(words(app.at(2s)).empty());
}

TEST_CASE("an app without a release is empty and does nothing") {
  const Plan plan = Case{}.at(0s);
  CHECK(plan.actions.empty());
  CHECK(plan.state == AppState::empty);
  CHECK(plan.next == Time{});
}

TEST_CASE("what is missing is started, by type and index") {
  Case app;
  app.serves(1, 2, 1).replica("a", "web", 1, 1, ready);
  CHECK(words(app.at(2s)) == Words{"start web.2 v1", "start worker.1 v1"});
  CHECK(routed(app.at(2s)) == Words{"a"});
}

TEST_CASE("a plan that is carried out leaves nothing to do") {
  Case app;
  app.serves(1, 2, 1);
  app.replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 2, 1, starting);
  app.replica("c", "worker", 1, 1, ready);
  const Plan plan = app.at(100s);
  CHECK(plan.actions.empty());
  CHECK(plan.next == Time{});
  CHECK(plan.state == AppState::running);
}

TEST_CASE("a worker gets no traffic") {
  Case app;
  app.serves(1, 1, 1).replica("w", "worker", 1, 1, ready);
  app.replica("a", "web", 1, 1, ready);
  CHECK(routed(app.at(2s)) == Words{"a"});
}

TEST_CASE("what is too many is drained first if it may have requests, and stopped at once if not") {
  Case app;
  app.serves(1, 1);
  app.replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 2, 1, ready);
  app.replica("c", "web", 3, 1, starting);
  app.replica("d", "worker", 1, 1, ready);
  CHECK(words(app.at(2s)) == Words{"drain b", "stop c", "stop d"});
  CHECK(routed(app.at(2s)) == Words{"a"});
}

TEST_CASE("a replica that somebody wants to end drains first and is replaced; that is no crash") {
  Case app;
  app.serves(1, 1, 1).replica("a", "web", 1, 1, ready);
  app.replica("w", "worker", 1, 1, ready);
  for (Observed& replica : app.observed) replica.unwanted = true;
  CHECK(words(app.at(2s)) == Words{"start web.1 v1", "start worker.1 v1", "drain a", "stop w"});
  CHECK(routed(app.at(2s)).empty());
  app.observed[0].state = ReplicaState::exited;
  app.observed[1].stopping = true;
  CHECK(words(app.at(3s)) == Words{"forget a", "start web.1 v1", "start worker.1 v1"});
  CHECK(app.at(3s).memory.slots.empty());
}

TEST_CASE("a draining replica is stopped when drained or at the deadline, and not before") {
  Case app;
  app.serves(1, 0);
  Observed& old = app.replica("a", "web", 1, 1, ready);
  old.draining = true;
  old.draining_since = start_of_time + 10s;
  CHECK(words(app.at(39s)).empty());
  CHECK(app.at(39s).next == start_of_time + 40s);
  CHECK(words(app.at(40s)) == Words{"stop a"});
  app.observed[0].drained = true;
  CHECK(words(app.at(11s)) == Words{"stop a"});
  app.observed[0].stopping = true;
  CHECK(words(app.at(50s)).empty());
}

TEST_CASE(
    "a pending release starts beside the one that serves and gets no traffic until it is settled") {
  Case app;
  app.serves(1).pending(2).replica("old", "web", 1, 1, ready);
  CHECK(words(app.at(2s)) == Words{"start web.1 v2"});
  app.replica("new", "web", 1, 2, starting);
  CHECK(words(app.at(2s)).empty());
  CHECK(routed(app.at(2s)) == Words{"old"});
  CHECK(app.at(2s).routed_release == 1);
  app.observed[1].state = ready;
  CHECK(words(app.at(3s)) == Words{"settle v2 ok"});
  CHECK(routed(app.at(3s)) == Words{"old"});
  CHECK(app.at(3s).next == start_of_time + 3s);
}

TEST_CASE("when a release is settled its replicas get the traffic and the old ones drain") {
  Case app;
  app.serves(1);
  app.memory = app.at(0s).memory;
  app.serves(2);
  app.memory.serving = 1;
  app.replica("old", "web", 1, 1, ready);
  app.replica("new", "web", 1, 2, ready);
  const Plan plan = app.at(3s);
  CHECK(words(plan) == Words{"drain old"});
  CHECK(routed(plan) == Words{"new"});
  CHECK(plan.routed_release == 2);
}

TEST_CASE("a release of nothing is settled at once") {
  Case app;
  app.serves(1, 0).pending(2, 0);
  CHECK(words(app.at(1s)) == Words{"settle v2 ok"});
}

TEST_CASE("a pending release fails with the first of its replicas that exits, with the reason") {
  Case app;
  app.serves(1).pending(2, 2);
  app.replica("old", "web", 1, 1, ready);
  app.replica("a", "web", 1, 2, ready);
  app.exited("b", "web", 2, 2, 5s);
  const Plan plan = app.at(6s);
  CHECK(words(plan) == Words{"forget b", "settle v2: web.2 exited (exit status 1)", "stop a"});
  CHECK(routed(plan) == Words{"old"});
}

TEST_CASE("a pending release does not fail by what was on its way out") {
  Case app;
  app.serves(1).pending(2);
  app.replica("old", "web", 1, 1, ready);
  app.replica("new", "web", 1, 2, starting);
  SUBCASE("a replica that was asked to stop") { app.exited("x", "web", 1, 2, 5s).stopping = true; }
  SUBCASE("a slot that is not wanted any more") { app.exited("x", "web", 2, 2, 5s); }
  SUBCASE("one from before a restart") {
    app.desired.target.processes["web"].restart_before = start_of_time + 3s;
    app.observed[1].started_at = start_of_time + 4s;
    app.exited("x", "web", 1, 2, 5s);
  }
  SUBCASE("one of the release that serves") { app.exited("x", "web", 1, 1, 5s); }
  CHECK(words(app.at(6s)) == Words{"forget x"});
}

TEST_CASE("a release that failed gets no traffic, even where nothing else is ready") {
  // v2 failed, the server crashed before it stopped all of v2, and v1's replica is gone.
  Case app;
  app.serves(1).replica("failed", "web", 1, 2, ready);
  const Plan plan = app.at(2s);
  CHECK(routed(plan).empty());
  CHECK(words(plan) == Words{"start web.1 v1", "drain failed"});
}

TEST_CASE(
    "the release that served before fills in for a replica of the new one that falls at once") {
  Case app;
  app.serves(2);
  app.memory.serving = 1;
  app.replica("old", "web", 1, 1, ready);
  app.exited("new", "web", 1, 2, 3s);
  const Plan plan = app.at(3s);
  CHECK(words(plan) == Words{"forget new", "start web.1 v2"});
  CHECK(routed(plan) == Words{"old"});
}

TEST_CASE("a restart replaces slot by slot: the old one serves until the new one is ready") {
  Case app;
  app.serves(1, 2);
  app.desired.target.processes["web"].restart_before = start_of_time + 10s;
  app.replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 2, 1, ready);
  CHECK(words(app.at(10s)) == Words{"start web.1 v1", "start web.2 v1"});
  CHECK(routed(app.at(10s)) == Words{"a", "b"});
  app.replica("c", "web", 1, 1, ready, 10s);
  app.replica("d", "web", 2, 1, starting, 10s);
  CHECK(words(app.at(12s)) == Words{"drain a"});
  CHECK(routed(app.at(12s)) == Words{"c", "b"});
}

TEST_CASE(
    "after a crash of the server, of two replicas in a slot the ready one stays, then the "
    "younger") {
  Case app;
  app.serves(1);
  SUBCASE("one ready, one starting") {
    app.replica("a", "web", 1, 1, starting, 5s);
    app.replica("b", "web", 1, 1, ready);
    CHECK(words(app.at(6s)) == Words{"stop a"});
  }
  SUBCASE("both ready") {
    app.replica("a", "web", 1, 1, ready);
    app.replica("b", "web", 1, 1, ready, 5s);
    CHECK(words(app.at(6s)) == Words{"drain a"});
  }
  CHECK(routed(app.at(6s)) == Words{"b"});
}

TEST_CASE("a crash is followed by a start at once, then after 1, 2, 4 … 60 s") {
  Case app;
  app.serves(1);
  Duration time = 0s;
  int number = 0;
  for (const Duration wait : {0s, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    app.observed.clear();
    app.exited("x" + std::to_string(++number), "web", 1, 1, time);
    const Plan noted = app.at(time);
    app.memory = noted.memory;
    app.observed.clear();
    CHECK(app.memory.slots.at({"web", 1, 1}).failures == number);
    if (wait > 0s) {
      CHECK(words(app.at(time + wait - 1ms)).empty());
      CHECK(app.at(time).next == start_of_time + time + wait);
    }
    CHECK(words(app.at(time + wait)) == Words{"start web.1 v1"});
    time += wait + 1s;
  }
}

TEST_CASE("an exit that is observed twice is one crash") {
  Case app;
  app.serves(1);
  app.exited("x", "web", 1, 1, 5s);
  app.memory = app.at(5s).memory;
  app.memory = app.at(6s).memory;
  CHECK(app.memory.slots.at({"web", 1, 1}).failures == 1);
}

TEST_CASE("after a minute up a crash counts as the first again") {
  Case app;
  app.serves(1);
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 5, .last_exit = start_of_time, .last = {}, .message = "x"};
  Observed& seen = app.exited("x", "web", 1, 1, 100s);
  seen.ready_at = start_of_time + 30s;
  CHECK(app.at(100s).memory.slots.at({"web", 1, 1}).failures == 1);
  app.observed[0].ready_at = start_of_time + 50s;
  CHECK(app.at(100s).memory.slots.at({"web", 1, 1}).failures == 6);
}

TEST_CASE("crashes are forgotten when the slot's own replica is steady, not when an older one is") {
  Case app;
  app.serves(1);
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 3, .last_exit = start_of_time + 299s, .last = {}, .message = "x"};
  Observed& seen = app.replica("a", "web", 1, 1, ready);
  SUBCASE("its own") {
    CHECK(app.at(30s).memory.slots.size() == 1);
    CHECK(app.at(30s).next == start_of_time + 61s);
    CHECK(app.at(300s).memory.slots.empty());
  }
  SUBCASE("one from before a restart") {
    app.desired.target.processes["web"].restart_before = start_of_time + 200s;
    CHECK(words(app.at(300s)).empty());
    CHECK(app.at(300s).memory.slots.size() == 1);
  }
  SUBCASE("one that drains") {
    seen.draining = true;
    seen.draining_since = start_of_time + 299s;
    CHECK(words(app.at(300s)).empty());
    CHECK(app.at(300s).memory.slots.size() == 1);
  }
}

TEST_CASE("what exits while it drains is no crash") {
  Case app;
  app.serves(1);
  app.exited("x", "web", 1, 1, 5s).draining = true;
  app.replica("a", "web", 1, 1, ready);
  CHECK(app.at(6s).memory.slots.empty());
}

TEST_CASE("a restart that is asked for after a crash does not wait for the back-off") {
  Case app;
  app.serves(1);
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 9, .last_exit = start_of_time, .last = {}, .message = "x"};
  CHECK(words(app.at(10s)).empty());
  app.desired.target.processes["web"].restart_before = start_of_time + 10s;
  CHECK(words(app.at(10s)) == Words{"start web.1 v1"});
  CHECK(app.at(10s).memory.slots.empty());
}

TEST_CASE("a start that failed before it began backs off too, after a restart as well") {
  Case app;
  app.serves(1);
  app.desired.target.processes["web"].restart_before = start_of_time + 10s;
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 2, .last_exit = start_of_time + 11s, .last = {}, .message = "x"};
  app.exited("x", "web", 1, 1, 12s).started_at = {};
  CHECK(words(app.at(12s)) == Words{"forget x"});
  CHECK(app.at(12s).next == start_of_time + 14s);
}

TEST_CASE("a clock that is set back stretches no back-off, and a lost exit time is now") {
  Case app;
  app.serves(1);
  app.memory.slots[{"web", 1, 1}] = {
      .failures = 2, .last_exit = start_of_time + 3600s, .last = {}, .message = "x"};
  CHECK(app.at(0s).next == start_of_time + 1s);
  app.exited("x", "web", 1, 1, 0s).exited_at = {};
  CHECK(app.at(50s).memory.slots.at({"web", 1, 1}).last_exit == start_of_time + 50s);
}

TEST_CASE("memory of slots that nothing wants goes") {
  Case app;
  app.serves(2, 1);
  app.memory.slots[{"web", 1, 1}].failures = 1;
  app.memory.slots[{"web", 2, 2}].failures = 1;
  app.memory.slots[{"cron", 1, 2}].failures = 1;
  CHECK(app.at(1s).memory.slots.empty());
}

TEST_CASE("the state says what requests meet") {
  Case app;
  app.serves(1, 1);
  SUBCASE("running, with or without a replica") {
    CHECK(app.at(1s).state == AppState::running);
    app.replica("a", "web", 1, 1, ready);
    CHECK(app.at(1s).state == AppState::running);
  }
  SUBCASE("stopped, when scaled to zero by a person") {
    app.desired.target.processes["web"].quantity = 0;
    CHECK(app.at(1s).state == AppState::stopped);
  }
  SUBCASE("asleep, when by the autoscaler") {
    app.desired.target.processes["web"] = {.quantity = 0, .autoscaled = true, .restart_before = {}};
    CHECK(app.at(1s).state == AppState::asleep);
  }
  SUBCASE("stopped, without a web process") {
    app.desired.target.processes.erase("web");
    CHECK(app.at(1s).state == AppState::stopped);
  }
  SUBCASE("maintenance, whatever runs") {
    app.desired.maintenance = true;
    app.replica("a", "web", 1, 1, ready);
    CHECK(app.at(1s).state == AppState::maintenance);
    CHECK(routed(app.at(1s)) == Words{"a"});
  }
  SUBCASE("crashed, when every slot crashed twice and none serves") {
    app.memory.slots[{"web", 1, 1}] = {
        .failures = 1, .last_exit = start_of_time, .last = {}, .message = "exit 1"};
    CHECK(app.at(1s).state == AppState::running);
    app.memory.slots[{"web", 1, 1}].failures = 2;
    CHECK(app.at(1s).state == AppState::crashed);
    CHECK(app.at(1s).message == "exit 1");
    app.replica("a", "web", 1, 1, ready);
    CHECK(app.at(1s).state == AppState::running);
  }
  SUBCASE("running, while the first release of all starts") {
    Case fresh;
    fresh.pending(1).replica("a", "web", 1, 1, starting);
    CHECK(fresh.at(1s).state == AppState::running);
    CHECK(fresh.at(1s).routed_release == 1);
  }
}

TEST_CASE("the order of the observation changes nothing") {
  Case app;
  app.serves(1, 2).pending(2, 2);
  app.replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 2, 1, ready);
  app.replica("c", "web", 1, 2, starting);
  app.exited("d", "web", 2, 2, 3s);
  app.exited("e", "web", 1, 2, 3s);
  const Plan plan = app.at(4s);
  std::ranges::sort(app.observed, {}, [](const Observed& seen) { return seen.id; });
  do {
    const Plan other = app.at(4s);
    CHECK(other.routed == plan.routed);
    CHECK(other.memory == plan.memory);
    CHECK(std::ranges::is_permutation(other.actions, plan.actions));
  } while (std::ranges::next_permutation(app.observed, {}, [](const Observed& seen) {
             return seen.id;
           }).found);
}

}  // namespace
}  // namespace berth::runtime
