// SPDX-License-Identifier: Apache-2.0
//
// The scheduler alone with 2,000 apps of five replicas: how long plan() takes for an app that has
// changed, with a hundred changes a second of simulated time, and for all apps anew. Prints lines
// RESULT name<TAB>number: milliseconds, and bytes of the process.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "runtime/scheduler/plan.hpp"

using namespace berth;
using namespace berth::runtime;

namespace {

constexpr int apps = 2'000;
constexpr int replicas = 5;
constexpr int changes = 20'000;
constexpr Duration between_changes = 10ms;  ///< a hundred a second

/// An app, and an engine for it that never fails and is ready at once.
struct App {
  Desired desired;
  std::vector<Observed> observed;
  SchedulerMemory memory;
  int next_id = 0;
};

void act(App& app, const Action& action, Time now) {
  const auto find = [&](const ReplicaId& id) {
    return std::ranges::find(app.observed, id, &Observed::id);
  };
  if (const auto* start = std::get_if<StartReplica>(&action)) {
    Observed replica;
    replica.id = ReplicaId("r-" + std::to_string(++app.next_id));
    replica.slot = start->slot;
    replica.content = std::to_string(start->slot.release);
    replica.state = ReplicaState::ready;
    replica.started_at = replica.ready_at = now;
    app.observed.push_back(std::move(replica));
  } else if (const auto* drain = std::get_if<DrainReplica>(&action)) {
    find(drain->id)->draining = find(drain->id)->drained = true;
    find(drain->id)->draining_since = now;
  } else if (const auto* freeze = std::get_if<FreezeReplica>(&action)) {
    find(freeze->id)->frozen = true;
    find(freeze->id)->frozen_since = now;
  } else if (const auto* thaw = std::get_if<ThawReplica>(&action)) {
    auto& replica = *find(thaw->id);
    replica.frozen = replica.draining = replica.drained = false;
  } else if (const auto* stop = std::get_if<StopReplica>(&action)) {
    app.observed.erase(find(stop->id));
  } else if (const auto* forget = std::get_if<ForgetReplica>(&action)) {
    app.observed.erase(find(forget->id));
  } else if (std::holds_alternative<SettleRelease>(action)) {
    app.desired.target_pending = false;
    app.desired.serving = {};
  }
}

Plan decide(App& app, Time now) {
  SchedulerPolicy policy;
  policy.keep_frozen = 10min;
  return plan(app.desired, app.observed, app.memory, policy, now);
}

void settle(App& app, Plan decided, Time now) {
  for (int round = 0; round < 10; ++round) {
    app.memory = std::move(decided.memory);
    if (decided.actions.empty()) return;
    for (const Action& action : decided.actions) act(app, action, now);
    decided = decide(app, now);
  }
  std::fputs("an app does not come to rest\n", stderr);
  std::exit(1);
}

/// A deploy, another quantity, or a crash.
void change(App& app, std::mt19937_64& random, Time now) {
  switch (random() % 3) {
    case 0: {
      DesiredRelease next = app.desired.target;
      next.content = std::to_string(++next.version);
      app.desired.serving = std::exchange(app.desired.target, next);
      app.desired.target_pending = true;
      break;
    }
    case 1:
      app.desired.target.processes["web"].quantity =
          replicas - 2 + static_cast<int>(random() % 5);
      break;
    default: {
      if (app.observed.empty()) return;
      Observed& replica = app.observed[random() % app.observed.size()];
      replica.state = ReplicaState::exited;
      replica.frozen = false;
      replica.exited_at = now;
    }
  }
}

double milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

int main() {
  std::mt19937_64 random(1);
  Time now{std::chrono::hours(1000)};
  std::vector<App> all(apps);
  for (App& app : all) {
    app.desired.target.version = 1;
    app.desired.target.content = "1";
    app.desired.target.processes["web"].quantity = replicas;
    settle(app, decide(app, now), now);
  }
  std::vector<double> single;
  for (int i = 0; i < changes; ++i) {
    now += between_changes;
    App& app = all[random() % all.size()];
    change(app, random, now);
    const auto begun = std::chrono::steady_clock::now();
    Plan decided = decide(app, now);
    single.push_back(milliseconds(std::chrono::steady_clock::now() - begun));
    settle(app, std::move(decided), now);
  }
  std::vector<double> full;
  for (int i = 0; i < 21; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    std::size_t actions = 0;
    for (App& app : all) actions += decide(app, now).actions.size();
    full.push_back(milliseconds(std::chrono::steady_clock::now() - begun));
    if (actions > apps * 10) return 1;
  }
  std::ranges::sort(single);
  std::ranges::sort(full);
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  std::printf("RESULT one app p99\t%f\nRESULT one app median\t%f\nRESULT all apps\t%f\n",
              single[single.size() * 99 / 100], single[single.size() / 2], full[full.size() / 2]);
  std::printf("RESULT bytes\t%ld\n", use.ru_maxrss * 1024);
  return 0;
}
