// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <tuple>

#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

const DesiredProcess* Planner::wanted(const Slot& slot) const {
  for (const DesiredRelease* release : {&desired_.target, &desired_.serving}) {
    if (release->version == 0 || release->version != slot.release) continue;
    const auto process = release->processes.find(slot.type);
    if (process != release->processes.end() && slot.index <= process->second.quantity)
      return &process->second;
  }
  return nullptr;
}

bool Planner::is_outdated(const Observed& replica, const DesiredProcess& process) {
  const Time began = replica.started_at != Time{} ? replica.started_at : replica.exited_at;
  return began < process.restart_before ||
         differs(replica.shape, replica.volumes, process);
}

bool Planner::differs(const std::string& shape, const std::string& volumes,
                    const DesiredProcess& process) {
  return (!shape.empty() && shape != process.shape) || volumes != process.volumes;
}

bool Planner::is_exclusive(const std::string& type) const {
  return std::ranges::any_of(std::array{&desired_.target, &desired_.serving},
                             [&](const DesiredRelease* release) {
                               const auto found = release->processes.find(type);
                               return found != release->processes.end() &&
                                      found->second.exclusive;
                             });
}

bool Planner::anybody_has(const std::string& type) const {
  return std::ranges::any_of(observed_, [&](const Observed& replica) {
    return replica.slot.type == type && replica.state != ReplicaState::exited;
  });
}

const Observed* Planner::current(const Slot& slot, const DesiredProcess& process,
                                 bool ready) const {
  const auto rank = [](const Observed& replica) {
    return std::tuple(may_serve(replica), replica.state == ReplicaState::ready,
                      replica.started_at, replica.id);
  };
  const Observed* best = nullptr;
  for (const Observed& replica : observed_)
    if (may_stay(replica) && replica.slot == slot && !is_outdated(replica, process) &&
        (!ready || may_serve(replica)) &&
        (!best || rank(replica) > rank(*best)))
      best = &replica;
  return best;
}

bool Planner::is_pending_target(const Observed& replica) const {
  return desired_.target_pending && replica.slot.release == desired_.target.version;
}

bool Planner::is_canary(const Observed& replica) const {
  return desired_.is_canary() && is_pending_target(replica);
}

bool Planner::is_stepwise(const std::string& type) const {
  const auto found = desired_.target.processes.find(type);
  return found != desired_.target.processes.end() && found->second.surge;
}

}  // namespace berth::runtime
