// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

namespace {

/// The same without a replica: it is stopped, and no request wakes it.
Desired without_replicas(Desired desired) {
  for (DesiredRelease* release : {&desired.target, &desired.serving})
    for (auto& [type, process] : release->processes) {
      process.quantity = 0;
      process.autoscaled = false;
    }
  return desired;
}

}  // namespace

Plan plan(const Desired& desired, const std::vector<Observed>& observed,
          const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now) {
  if (!desired.preempted) return Planner(desired, observed, memory, policy, now).run();
  const Desired nothing = without_replicas(desired);
  Plan result = Planner(nothing, observed, memory, policy, now).run();
  result.message = preempted_why;
  return result;
}

std::string_view name_of(AppState state) {
  switch (state) {
    case AppState::empty: return "empty";
    case AppState::running: return "running";
    case AppState::asleep: return "asleep";
    case AppState::stopped: return "stopped";
    case AppState::crashed: return "crashed";
    case AppState::maintenance: return "maintenance";
  }
  return "empty";
}

}  // namespace berth::runtime
