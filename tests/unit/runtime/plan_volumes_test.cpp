// SPDX-License-Identifier: Apache-2.0
//
// A process type with an exclusive volume: one container at a time.
#include "tests/unit/runtime/plan_case.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

using namespace test;

constexpr auto ready = ReplicaState::ready;
constexpr auto starting = ReplicaState::starting;

void give_volume(DesiredRelease& release) {
  for (auto& [type, process] : release.processes) {
    if (type != "web") continue;
    process.volumes = "data";
    process.exclusive = true;
  }
}

/// v1 serves with a volume.
Case with_volume(int worker = 0) {
  Case app;
  app.serves(1, 1, worker);
  give_volume(app.desired.target);
  app.replica("old", "web", 1, 1, ready).volumes = "data";
  return app;
}

void deploy(Case& app, int worker = 0) {
  app.pending(2, 1, worker);
  give_volume(app.desired.target);
}

Observed& web(Case& app, const std::string& id, int version, ReplicaState state) {
  Observed& seen = app.replica(id, "web", 1, version, state);
  seen.volumes = "data";
  return seen;
}

TEST_CASE("a rollout ends the old container before the new one starts, and requests wait") {
  Case app = with_volume();
  deploy(app);
  CHECK(words(app.at(1s)) == Words{"drain old"});
  CHECK(routed(app.at(1s)).empty());
  CHECK(app.at(1s).state == AppState::running);
  Observed& old = app.observed.front();
  old.draining = true;
  old.draining_since = start_of_time + 1s;
  CHECK(words(app.at(2s)).empty());
  old.drained = true;
  CHECK(words(app.at(2s)) == Words{"stop old"});
  old.stopping = true;
  CHECK(words(app.at(3s)).empty());
  old.state = ReplicaState::exited;
  CHECK(words(app.at(4s)) == Words{"forget old", "start web.1 v2"});
  app.observed.clear();
  web(app, "new", 2, starting);
  CHECK(words(app.at(5s)).empty());
  app.observed.clear();
  web(app, "new", 2, ready);
  CHECK(words(app.at(6s)) == Words{"settle v2 ok"});
  CHECK(app.at(6s).state == AppState::running);
}

TEST_CASE("a release that is not well otherwise does not end what has the volume") {
  Case app = with_volume(1);
  app.replica("work", "worker", 1, 1, ready);
  deploy(app, 1);
  CHECK(words(app.at(1s)) == Words{"start worker.1 v2"});
  CHECK(routed(app.at(1s)) == Words{"old"});
  app.replica("more", "worker", 1, 2, starting);
  CHECK(words(app.at(2s)).empty());
  app.observed.back().state = ready;
  CHECK(words(app.at(3s)) == Words{"drain old"});
  app.observed.back().state = ReplicaState::exited;
  CHECK(words(app.at(3s)) == Words{"forget more", "settle v2: worker.1 "});
  CHECK(routed(app.at(3s)) == Words{"old"});
}

TEST_CASE("when the new release falls, the old one comes back") {
  Case app = with_volume();
  deploy(app);
  app.observed.clear();
  Observed& fallen = web(app, "new", 2, ReplicaState::exited);
  fallen.message = "exited";
  fallen.exited_at = start_of_time + 2s;
  const Plan plan = app.at(2s);
  CHECK(words(plan) == Words{"forget new", "settle v2: web.1 exited", "start web.1 v1"});
  CHECK(plan.state == AppState::running);
}

TEST_CASE("a restart, another size and a new volume end the old container first, too") {
  Case app = with_volume();
  DesiredProcess& process = app.desired.target.processes["web"];
  SUBCASE("restart") { process.restart_before = start_of_time + 1s; }
  SUBCASE("size") {
    process.shape = "large";
    app.observed.front().shape = "standard";
  }
  SUBCASE("another volume") { process.volumes = "other"; }
  SUBCASE("the first volume") { app.observed.front().volumes.clear(); }
  CHECK(words(app.at(2s)) == Words{"drain old"});
  app.observed.front().draining = app.observed.front().drained = true;
  CHECK(words(app.at(2s)) == Words{"stop old"});
  app.observed.front().state = ReplicaState::exited;
  CHECK(words(app.at(2s)) == Words{"forget old", "start web.1 v1"});
}

TEST_CASE("whatever still lives of the type is waited for") {
  Case app = with_volume();
  app.observed.clear();
  SUBCASE("it stops") { web(app, "old", 1, ready).stopping = true; }
  SUBCASE("it is condemned and stops") {
    Observed& old = web(app, "old", 1, ready);
    old.unhealthy = "failed its liveness check";
    old.stopping = true;
  }
  SUBCASE("it is of another release and stops") { web(app, "old", 7, starting).stopping = true; }
  CHECK(words(app.at(1s)).empty());
}

TEST_CASE("nothing with a volume is kept frozen, and what is frozen makes way") {
  Case app = with_volume();
  app.policy.keep_frozen = 600s;
  app.desired.target.version = 2;
  app.desired.target.content = app.memory.serving_content = "two";
  app.memory.serving = 2;
  app.memory.previous = 1;
  app.memory.previous_content = "one";
  Observed& old = app.observed.front();
  old.content = "one";
  SUBCASE("drained") {
    old.draining = old.drained = true;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("a shared volume's") {
    app.desired.target.processes["web"].exclusive = false;
    web(app, "new", 2, ready);
    app.observed.front().draining = app.observed.front().drained = true;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("frozen before there was a volume") {
    old.frozen = true;
    old.frozen_since = start_of_time;
    old.volumes.clear();
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
}

TEST_CASE("while a volume is restored nothing runs that has it, and requests wait") {
  Case app = with_volume();
  app.desired.target.processes["web"].paused = true;
  SUBCASE("exclusive") {}
  SUBCASE("shared") { app.desired.target.processes["web"].exclusive = false; }
  CHECK(words(app.at(1s)) == Words{"drain old"});
  app.observed.clear();
  CHECK(words(app.at(2s)).empty());
  CHECK(app.at(2s).state == AppState::running);
  app.desired.target.processes["web"].paused = false;
  CHECK(words(app.at(3s)) == Words{"start web.1 v1"});
}

TEST_CASE("one that cannot start with its volume is tried again after its back-off") {
  Case app = with_volume();
  app.observed.clear();
  Observed& fallen = web(app, "a", 1, ReplicaState::exited);
  fallen.exited_at = start_of_time + 1s;
  Plan plan = app.at(1s);
  CHECK(words(plan) == Words{"forget a", "start web.1 v1"});
  app.memory = plan.memory;
  app.observed.clear();
  web(app, "b", 1, ReplicaState::exited).exited_at = start_of_time + 2s;
  plan = app.at(2s);
  CHECK(words(plan) == Words{"forget b"});
  CHECK(plan.next == start_of_time + 3s);
}

}  // namespace
}  // namespace berth::runtime
