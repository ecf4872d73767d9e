// SPDX-License-Identifier: Apache-2.0
//
// An app that gives way when memory is short.
#include "tests/unit/runtime/plan_case.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

using namespace test;

constexpr auto ready = ReplicaState::ready;

TEST_CASE("an app that is preempted drains and stops, and runs again afterwards") {
  Case app;
  app.serves(1, 1, 1);
  app.desired.target.processes["web"].autoscaled = true;
  app.replica("web", "web", 1, 1, ready);
  app.replica("worker", "worker", 1, 1, ready);
  CHECK(words(app.at(5s)).empty());
  app.desired.preempted = true;
  CHECK(words(app.at(6s)) == Words{"drain web", "stop worker"});
  CHECK(routed(app.at(6s)).empty());
  // Not asleep: a request must not wake it.
  CHECK(app.at(6s).state == AppState::stopped);
  CHECK(app.at(6s).message == preempted_why);
  app.observed.clear();
  CHECK(words(app.at(7s)).empty());
  app.desired.preempted = false;
  CHECK(words(app.at(60s)) == Words{"start web.1 v1", "start worker.1 v1"});
}

TEST_CASE("a release that is pending when its app is preempted fails, and says why") {
  Case app;
  app.serves(1);
  app.replica("old", "web", 1, 1, ready);
  app.pending(2);
  app.replica("new", "web", 1, 2, ReplicaState::starting);
  app.desired.preempted = true;
  const Words expected = words(app.at(5s));
  CHECK(expected == Words{"settle v2: " + std::string(preempted_why), "drain old", "stop new"});
}

TEST_CASE("the release command of an app that is preempted does not start") {
  Case app;
  app.pending(1);
  app.desired.release_command = true;
  app.desired.preempted = true;
  CHECK(words(app.at(0s)) == Words{"settle v1: " + std::string(preempted_why)});
}

}  // namespace
}  // namespace berth::runtime
