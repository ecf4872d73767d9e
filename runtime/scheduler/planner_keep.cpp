// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

void Planner::keep(const DesiredRelease& release, bool serve) {
  for (const auto& [type, process] : release.processes) {
    if (stepped_.contains(type)) continue;
    const bool alone = is_exclusive(type) || process.paused;
    if (!alone && process.surge && !(desired_.is_canary() && !serve)) {
      keep_stepwise(type, release.version, process);
      stepped_.insert(type);
      continue;
    }
    for (int index = 1; index <= process.quantity; ++index) {
      const Slot slot{type, index, release.version};
      if (!alone)
        keep_slot(slot, process, serve);
      else if (!desired_.target_pending || taken_over_.contains(type) != serve)
        keep_alone(slot, process, serve);
    }
  }
}

void Planner::keep_alone(const Slot& slot, const DesiredProcess& process, bool serve) {
  if (process.paused) return;
  if (const Observed* replica = current(slot, process, /*ready=*/false)) {
    kept_.push_back(replica->id);
    if (serve && may_serve(*replica)) route(*replica);
  } else if (!anybody_has(slot.type)) {
    start_after_backoff(slot, process);
  }
}

void Planner::keep_slot(const Slot& slot, const DesiredProcess& process, bool serve) {
  const Observed* replica = current(slot, process, /*ready=*/false);
  if (replica)
    kept_.push_back(replica->id);
  else
    begin(slot, process);
  if (!serve) return;
  if (replica && may_serve(*replica))
    route(*replica);
  else
    fill_in(slot, process);
}

bool Planner::begin(const Slot& slot, const DesiredProcess& process) {
  const Observed* frozen = frozen_for(slot, process);
  if (!frozen) return start_after_backoff(slot, process);
  thaw(*frozen);
  return true;
}

void Planner::keep_stepwise(const std::string& type, int release, const DesiredProcess& process) {
  auto room = process.quantity + *process.surge -
              std::ranges::count_if(observed_, [&](const Observed& replica) {
                return replica.slot.type == type && replica.state != ReplicaState::exited &&
                       !replica.frozen && !is_canary(replica);
              });
  int may_go = process.unavailable;
  struct Step {
    Slot slot;
    const Observed* own;
    const Observed* before;
  };
  std::vector<Step> steps;
  for (int index = 1; index <= process.quantity; ++index) {
    const Slot slot{type, index, release};
    const Observed* own = current(slot, process, /*ready=*/false);
    steps.push_back({slot, own, own && may_serve(*own)
                                   ? own
                                   : newest_that_serves(slot, [this](const Observed& other) {
                                       return !is_canary(other);
                                     })});
    if (!steps.back().before) --may_go;
  }
  // First where nothing serves.
  for (const bool served : {false, true})
    for (Step& step : steps) {
      if (step.own || (step.before != nullptr) != served) continue;
      if (room > 0)
        room -= begin(step.slot, process) ? 1 : 0;
      else if (served && may_go-- > 0)
        step.before = nullptr;
    }
  for (const Step& step : steps) {
    if (step.own) kept_.push_back(step.own->id);
    if (!step.before) continue;
    if (step.before != step.own) kept_.push_back(step.before->id);
    route(*step.before);
  }
}

template <class Accept>
const Observed* Planner::newest_that_serves(const Slot& slot, Accept accept) const {
  const auto rank = [](const Observed& replica) {
    return std::tuple(replica.slot.release, replica.started_at, replica.id);
  };
  const Observed* best = nullptr;
  for (const Observed& replica : observed_)
    if (may_stay(replica) && may_serve(replica) && replica.slot.type == slot.type &&
        replica.slot.index == slot.index && accept(replica) &&
        (!best || rank(replica) > rank(*best)))
      best = &replica;
  return best;
}

void Planner::fill_in(const Slot& slot, const DesiredProcess& process) {
  const Observed* best = newest_that_serves(slot, [&](const Observed& other) {
    return other.slot.release == slot.release ? is_outdated(other, process)
                                              : own_release(other) == result_.memory.previous;
  });
  if (!best) return;
  kept_.push_back(best->id);
  route(*best);
}

bool Planner::start_after_backoff(const Slot& slot, const DesiredProcess& process) {
  if (const auto found = result_.memory.slots.find(slot); found != result_.memory.slots.end()) {
    SlotMemory& crashes = found->second;
    // Whoever asks for a restart, or another shape, asks for it now.
    if (crashes.last_exit < process.restart_before ||
        differs(crashes.shape, crashes.volumes, process)) {
      result_.memory.slots.erase(found);
    } else {
      const Time earliest = crashes.last_exit + backoff(crashes.failures);
      if (now_ < earliest) {
        wake_at(earliest);
        return false;
      }
    }
  }
  act(StartReplica{slot});
  return true;
}

Duration Planner::backoff(int failures) const {
  if (failures <= 1) return Duration::zero();
  Duration delay = policy_.first_backoff;
  for (int i = 2; i < failures && delay < policy_.longest_backoff; ++i) delay *= 2;
  return std::min(delay, policy_.longest_backoff);
}

void Planner::route(const Observed& replica) {
  if (replica.slot.type == "web") result_.routed.push_back(replica.id);
}

}  // namespace berth::runtime
