// SPDX-License-Identifier: Apache-2.0
//
// One app for tests of plan(), described step by step, and what is decided in words.
#pragma once

#include <string>
#include <vector>

#include "runtime/scheduler/plan.hpp"

namespace berth::runtime::test {

inline constexpr Time start_of_time{std::chrono::hours(1000)};

/// One app, described step by step; plan() is asked at `at` seconds.
struct Case {
  Desired desired;
  std::vector<Observed> observed;
  SchedulerMemory memory;
  SchedulerPolicy policy = {};

  Case& serves(int version, int web = 1, int worker = 0) {
    desired.target = release(version, web, worker);
    memory.serving = version;
    return *this;
  }
  Case& pending(int version, int web = 1, int worker = 0) {
    desired.serving = desired.target;
    desired.target = release(version, web, worker);
    desired.target_pending = true;
    return *this;
  }
  Observed& replica(const std::string& id, const std::string& type, int index, int version,
                    ReplicaState state, Duration started = 0s) {
    Observed seen{.id = ReplicaId(id), .slot = {type, index, version}, .state = state};
    seen.started_at = start_of_time + started;
    seen.unrouted = desired.target_pending && version == desired.target.version;
    if (state == ReplicaState::ready) seen.ready_at = seen.started_at + 1s;
    observed.push_back(seen);
    return observed.back();
  }
  Observed& exited(const std::string& id, const std::string& type, int index, int version,
                   Duration at) {
    Observed& seen = replica(id, type, index, version, ReplicaState::exited);
    seen.exited_at = start_of_time + at;
    seen.message = "exited (exit status 1)";
    return seen;
  }
  [[nodiscard]] Plan at(Duration time) const {
    return plan(desired, observed, memory, policy, start_of_time + time);
  }

 private:
  static DesiredRelease release(int version, int web, int worker) {
    DesiredRelease result{.version = version, .processes = {}};
    if (web >= 0) result.processes["web"] = {.quantity = web};
    if (worker > 0) result.processes["worker"] = {.quantity = worker};
    return result;
  }
};

/// "start web.1 v2", "drain a", "stop a", "forget a", "settle v2 ok"; in the plan's order.
inline std::vector<std::string> words(const Plan& plan) {
  std::vector<std::string> result;
  for (const Action& action : plan.actions) {
    if (const auto* start = std::get_if<StartReplica>(&action))
      result.push_back("start " + start->slot.type + "." + std::to_string(start->slot.index) +
                       " v" + std::to_string(start->slot.release));
    if (const auto* drain = std::get_if<DrainReplica>(&action))
      result.push_back("drain " + drain->id.value);
    if (const auto* rest = std::get_if<FreezeReplica>(&action))
      result.push_back("freeze " + rest->id.value);
    if (const auto* wake = std::get_if<ThawReplica>(&action))
      result.push_back("thaw " + wake->id.value);
    if (const auto* stop = std::get_if<StopReplica>(&action))
      result.push_back("stop " + stop->id.value);
    if (const auto* gone = std::get_if<ForgetReplica>(&action))
      result.push_back("forget " + gone->id.value);
    if (const auto* settle = std::get_if<SettleRelease>(&action))
      result.push_back("settle v" + std::to_string(settle->version) +
                       (settle->succeeded ? " ok" : ": " + settle->failure));
    if (const auto* back = std::get_if<RollBack>(&action))
      result.push_back("roll back v" + std::to_string(back->version) + ": " + back->why);
  }
  return result;
}

using Words = std::vector<std::string>;

inline std::vector<std::string> routed(const Plan& plan) {
  std::vector<std::string> result;
  for (const ReplicaId& id : plan.routed) result.push_back(id.value);
  return result;
}

}  // namespace berth::runtime::test
