// SPDX-License-Identifier: Apache-2.0
//
// Replicas that are replaced a few at a time, canaries, and releases that crash when they serve.
#include "tests/unit/runtime/plan_case.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace berth::runtime {
namespace {

using namespace test;

constexpr auto ready = ReplicaState::ready;
constexpr auto starting = ReplicaState::starting;

void set_steps(Case& app, int surge, int unavailable) {
  for (DesiredRelease* release : {&app.desired.target, &app.desired.serving})
    for (auto& [type, process] : release->processes) {
      process.surge = surge;
      process.unavailable = unavailable;
    }
}

/// v1 serves with three replicas, v2 is to replace it.
Case three(int surge, int unavailable) {
  Case app;
  app.serves(1, 3);
  for (const int index : {1, 2, 3})
    app.replica("old" + std::to_string(index), "web", index, 1, ready);
  app.pending(2, 3);
  set_steps(app, surge, unavailable);
  return app;
}

Observed& find(Case& app, const std::string& id) {
  return *std::ranges::find(app.observed, ReplicaId(id), &Observed::id);
}

TEST_CASE("with a surge of one, a new replica takes the place of an old one at a time") {
  Case app = three(1, 0);
  CHECK(words(app.at(1s)) == Words{"start web.1 v2"});
  CHECK(routed(app.at(1s)) == Words{"old1", "old2", "old3"});
  app.replica("new1", "web", 1, 2, starting);
  CHECK(words(app.at(2s)).empty());
  find(app, "new1").state = ready;
  CHECK(words(app.at(3s)) == Words{"drain old1"});
  CHECK(routed(app.at(3s)) == Words{"new1", "old2", "old3"});
  Observed& old = find(app, "old1");
  old.draining = old.drained = true;
  CHECK(words(app.at(4s)) == Words{"stop old1"});
  std::erase_if(app.observed, [](const Observed& seen) { return seen.id.value == "old1"; });
  CHECK(words(app.at(5s)) == Words{"start web.2 v2"});
  CHECK(app.at(5s).routed_release == 1);
}

TEST_CASE("without a surge, an old replica makes room first") {
  Case app = three(0, 1);
  CHECK(words(app.at(1s)) == Words{"drain old1"});
  CHECK(routed(app.at(1s)) == Words{"old2", "old3"});
  std::erase_if(app.observed, [](const Observed& seen) { return seen.id.value == "old1"; });
  CHECK(words(app.at(2s)) == Words{"start web.1 v2"});
  app.replica("new1", "web", 1, 2, starting);
  CHECK(words(app.at(3s)).empty());
  find(app, "new1").state = ready;
  CHECK(words(app.at(4s)) == Words{"drain old2"});
  CHECK(routed(app.at(4s)) == Words{"new1", "old3"});
}

TEST_CASE("the slot that nothing serves is filled first") {
  Case app = three(1, 1);
  std::erase_if(app.observed, [](const Observed& seen) { return seen.id.value == "old2"; });
  CHECK(words(app.at(1s)) == Words{"start web.2 v2", "start web.1 v2"});
}

TEST_CASE("a release that fails half-way serves until the one before is back, step by step") {
  Case app = three(1, 0);
  app.observed.clear();
  app.replica("new1", "web", 1, 2, ready).unrouted = false;
  app.replica("old2", "web", 2, 1, ready);
  app.replica("old3", "web", 3, 1, ready);
  app.exited("new2", "web", 2, 2, 1s);
  const Plan failing = app.at(2s);
  CHECK(words(failing) == Words{"forget new2", "settle v2: web.2 exited (exit status 1)",
                                "start web.1 v1"});
  CHECK(routed(failing) == Words{"new1", "old2", "old3"});
  app.desired.target = std::exchange(app.desired.serving, {});
  app.desired.target_pending = false;
  app.observed.pop_back();
  app.replica("back1", "web", 1, 1, ready);
  CHECK(words(app.at(3s)) == Words{"drain new1"});
  CHECK(routed(app.at(3s)) == Words{"back1", "old2", "old3"});
}

TEST_CASE("a restart keeps to the steps, and what is replaced so is not kept frozen") {
  Case app;
  app.policy.keep_frozen = 600s;
  app.serves(1, 2);
  set_steps(app, 1, 0);
  app.replica("a", "web", 1, 1, ready);
  app.replica("b", "web", 2, 1, ready);
  app.desired.target.processes["web"].restart_before = start_of_time + 5s;
  CHECK(words(app.at(6s)) == Words{"start web.1 v1"});
  app.replica("c", "web", 1, 1, ready, 6s);
  Observed& old = find(app, "a");
  old.content = "one";
  old.draining = old.drained = true;
  CHECK(words(app.at(8s)) == Words{"stop a"});
}

/// v1 serves with two replicas; v2 is a canary of one.
Case canary() {
  Case app;
  app.serves(1, 2);
  app.replica("old1", "web", 1, 1, ready);
  app.replica("old2", "web", 2, 1, ready);
  app.pending(2, 1);
  app.desired.canary = 5;
  app.replica("new", "web", 1, 2, ready);
  return app;
}

TEST_CASE("a canary gets its share beside all that serve, and waits to be promoted") {
  Case app = canary();
  const Plan plan = app.at(1s);
  CHECK(words(plan).empty());
  CHECK(routed(plan) == Words{"old1", "old2"});
  CHECK(plan.canary == std::vector{ReplicaId("new")});
  CHECK(plan.routed_release == 1);
  app.desired.promoted = true;
  app.desired.target.processes["web"].quantity = 2;
  CHECK(words(app.at(2s)) == Words{"start web.2 v2"});
  CHECK(app.at(2s).canary == std::vector{ReplicaId("new")});
  app.replica("new2", "web", 2, 2, ready);
  CHECK(words(app.at(3s)) == Words{"settle v2 ok"});
}

TEST_CASE("a canary that is aborted is drained, and one that crashes fails its release") {
  Case app = canary();
  SUBCASE("aborted") {
    app.desired = {.target = app.desired.serving};
    find(app, "new").unrouted = false;
    CHECK(words(app.at(1s)) == Words{"drain new"});
    CHECK(app.at(1s).canary.empty());
  }
  SUBCASE("crashed") {
    app.observed.pop_back();
    app.exited("new", "web", 1, 2, 1s);
    CHECK(words(app.at(1s)) ==
          Words{"forget new", "settle v2: web.1 exited (exit status 1)"});
    CHECK(routed(app.at(1s)) == Words{"old1", "old2"});
  }
}

TEST_CASE("the steps of what serves do not count a canary, and it fills no slot") {
  Case app = canary();
  set_steps(app, 1, 0);
  app.desired.serving.processes["web"].restart_before = start_of_time + 5s;
  std::erase_if(app.observed, [](const Observed& seen) { return seen.id.value == "old1"; });
  CHECK(words(app.at(6s)) == Words{"start web.1 v1", "start web.2 v1"});
  CHECK(routed(app.at(6s)) == Words{"old2"});
  CHECK(app.at(6s).canary == std::vector{ReplicaId("new")});
}

TEST_CASE("a release that crashes soon after it was settled is rolled back, once it is clear") {
  Case app;
  app.serves(2);
  app.desired.roll_back_until = start_of_time + 300s;
  app.exited("a", "web", 1, 2, 1s);
  Plan plan = app.at(1s);
  CHECK(words(plan) == Words{"forget a", "start web.1 v2"});
  app.observed.clear();
  app.memory = plan.memory;
  app.memory.slots.at({"web", 1, 2}).failures = 2;
  app.exited("b", "web", 1, 2, 3s);
  SUBCASE("within its time") {
    plan = app.at(3s);
    CHECK(words(plan) == Words{"forget b", "roll back v2: web exited (exit status 1)"});
  }
  SUBCASE("later") {
    app.desired.roll_back_until = start_of_time + 3s;
    CHECK(words(app.at(3s)) == Words{"forget b"});
  }
  SUBCASE("while another release is pending") {
    app.pending(3);
    CHECK(words(app.at(3s)) == Words{"forget b", "start web.1 v3"});
  }
}

TEST_CASE("where there is web, a worker that crashes rolls nothing back") {
  Case app;
  app.serves(2, 1, 1);
  app.desired.roll_back_until = start_of_time + 300s;
  app.memory.slots[{"worker", 1, 2}] = {.failures = 4, .last_exit = start_of_time};
  app.replica("a", "web", 1, 2, ready);
  CHECK(words(app.at(1s)).empty());
  app.desired.target.processes.erase("web");
  app.observed.clear();
  CHECK(words(app.at(1s)) == Words{"roll back v2: worker "});
}

}  // namespace
}  // namespace berth::runtime
