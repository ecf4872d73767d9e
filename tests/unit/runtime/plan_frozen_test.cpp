// SPDX-License-Identifier: Apache-2.0
//
// What served before is kept frozen, for a rollback.
#include "tests/unit/runtime/plan_case.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

using namespace test;

constexpr auto ready = ReplicaState::ready;

/// v2 serves, v1 did before; both known by what they are made of.
Case after_switch() {
  Case app;
  app.policy.keep_frozen = 600s;
  app.serves(2);
  app.desired.target.content = app.memory.serving_content = "two";
  app.memory.previous = 1;
  app.memory.previous_content = "one";
  app.replica("new", "web", 1, 2, ready).content = "two";
  Observed& old = app.replica("old", "web", 1, 1, ready);
  old.content = "one";
  old.draining = old.drained = true;
  old.draining_since = start_of_time;
  return app;
}

Observed& frozen(Case& app) {
  Observed& old = app.observed.back();
  old.frozen = true;
  old.frozen_since = start_of_time;
  return old;
}

/// A release of v1's content is on its way.
void roll_back(Case& app) {
  app.pending(3);
  app.desired.target.content = "one";
}

TEST_CASE("what served before is frozen when it is drained, kept for its time, and then stopped") {
  Case app = after_switch();
  CHECK(words(app.at(1s)) == Words{"freeze old"});
  frozen(app);
  CHECK(words(app.at(2s)).empty());
  CHECK(routed(app.at(2s)) == Words{"new"});
  CHECK(app.at(2s).next == start_of_time + 600s);
  CHECK(words(app.at(600s)) == Words{"stop old"});
}

TEST_CASE("only a web replica of the release before, without a request, is worth keeping") {
  Case app = after_switch();
  Observed& old = app.observed.back();
  SUBCASE("requests are left when its time is up") {
    old.drained = false;
    CHECK(words(app.at(29s)).empty());
    CHECK(words(app.at(30s)) == Words{"stop old"});
  }
  SUBCASE("its checks fail") {
    old.unready = true;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("it is of a release before that") {
    app.memory.previous = 0;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("it has the content of what serves") {
    old.content = "two";
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("memory is short") {
    app.desired.memory_tight = true;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
  SUBCASE("a deploy is on its way") {
    app.pending(3);
    CHECK(words(app.at(1s)) == Words{"start web.1 v3", "stop old"});
  }
  SUBCASE("nothing is to be kept") {
    app.policy.keep_frozen = 0s;
    CHECK(words(app.at(1s)) == Words{"stop old"});
  }
}

TEST_CASE("a rollback thaws what is frozen instead of starting, and switches in the next step") {
  Case app = after_switch();
  Observed& old = frozen(app);
  roll_back(app);
  Plan plan = app.at(5s);
  CHECK(words(plan) == Words{"thaw old"});
  CHECK(plan.next == start_of_time + 5s);
  CHECK(routed(plan) == Words{"new"});
  old.frozen = old.draining = old.drained = false;
  app.memory = plan.memory;
  plan = app.at(5s);
  CHECK(words(plan) == Words{"settle v3 ok"});
  // v3 serves, by a replica that was started as v1; v2 is what may come back.
  app.desired.target_pending = false;
  app.desired.serving = {};
  app.memory = plan.memory;
  plan = app.at(5s);
  CHECK(words(plan) == Words{"drain new"});
  CHECK(routed(plan) == Words{"old"});
  app.memory = plan.memory;
  Observed& second = app.observed.front();
  second.draining = second.drained = true;
  CHECK(words(app.at(6s)) == Words{"freeze new"});
}

TEST_CASE("what is frozen goes for a new deploy, for memory, and where it is of no use any more") {
  Case app = after_switch();
  Observed& old = frozen(app);
  SUBCASE("another deploy") {
    app.pending(3);
    app.desired.target.content = "three";
    CHECK(words(app.at(5s)) == Words{"start web.1 v3", "stop old"});
  }
  SUBCASE("memory") {
    app.desired.memory_tight = true;
    CHECK(words(app.at(5s)) == Words{"stop old"});
  }
  SUBCASE("a rollback to fewer replicas") {
    old.slot.index = 2;
    roll_back(app);
    CHECK(words(app.at(5s)) == Words{"start web.1 v3"});
  }
  SUBCASE("a restart since") {
    roll_back(app);
    app.desired.target.processes["web"].restart_before = start_of_time + 3s;
    CHECK(words(app.at(5s)) == Words{"start web.1 v3"});
  }
}

TEST_CASE("a new server keeps what it finds frozen, of the newest release") {
  Case app = after_switch();
  Observed& old = frozen(app);
  old.draining = old.drained = false;
  app.memory = {};
  CHECK(words(app.at(5s)).empty());
  Observed& older = app.replica("older", "web", 1, 0, ready);
  older.content = "zero";
  older.frozen = true;
  older.frozen_since = start_of_time;
  CHECK(words(app.at(5s)) == Words{"stop older"});
}

TEST_CASE("a thawed replica that ends at once is no failure of the rollback: another starts") {
  Case app = after_switch();
  Observed& old = app.observed.back();
  old.draining = old.drained = false;
  old.state = ReplicaState::exited;
  old.exited_at = start_of_time + 5s;
  roll_back(app);
  CHECK(words(app.at(5s)) == Words{"forget old", "start web.1 v3"});
}

TEST_CASE("of two drained replicas of a slot one is kept") {
  Case app = after_switch();
  Observed twin = app.observed.back();
  twin.id = ReplicaId("twin");
  app.observed.push_back(twin);
  CHECK(words(app.at(1s)) == Words{"stop old", "freeze twin"});
}

TEST_CASE("a replica with requests is drained, also when it could serve the release to come") {
  Case app = after_switch();
  Observed& old = app.observed.back();  // a new server has forgotten that it was draining
  old.draining = old.drained = false;
  app.memory = {};
  roll_back(app);
  app.desired.release_command = true;
  CHECK(words(app.at(1s)) == Words{"start release.1 v3", "drain old"});
}

TEST_CASE("what was thawed for a rollback that fails fills in, while what serves is down") {
  Case app = after_switch();
  app.observed.erase(app.observed.begin());
  Observed& old = app.observed.back();
  old.draining = old.drained = false;
  app.memory.slots[{"web", 1, 2}] = {
      .failures = 5, .last_exit = start_of_time, .last = {}, .message = "exit 1"};
  roll_back(app);
  app.desired.target.processes["worker"] = {.quantity = 1};
  app.exited("worker", "worker", 1, 3, 1s);
  const Plan plan = app.at(1s);
  CHECK(words(plan) == Words{"forget worker", "settle v3: worker.1 exited (exit status 1)"});
  CHECK(routed(plan) == Words{"old"});
}

}  // namespace
}  // namespace berth::runtime
