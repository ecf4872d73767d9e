// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "platform/process_type.hpp"
#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

void Planner::lend_replicas(const DesiredRelease& serving) {
  const SchedulerMemory& memory = result_.memory;
  using Known = std::pair<int, std::string_view>;
  const Known target{desired_.target.version, desired_.target.content};
  const Known current{serving.version, serving.content};
  const Known before{memory.previous, memory.previous_content};
  for (Observed& replica : observed_) {
    const int own = replica.slot.release;
    if (replica.content.empty() || replica.slot.type == platform::release_process ||
        own == target.first || own == current.first)
      continue;
    for (const Known& known : replica.frozen ? std::array{target, current, before}
                                             : std::array{current, target, before}) {
      if (known.first == own) break;
      if (known.first == 0 || known.second != replica.content) continue;
      replica.slot.release = known.first;
      lent_.emplace(replica.id, own);
      break;
    }
  }
}

int Planner::own_release(const Observed& replica) const {
  const auto found = lent_.find(replica.id);
  return found == lent_.end() ? replica.slot.release : found->second;
}

const Observed* Planner::frozen_for(const Slot& slot, const DesiredProcess& process) const {
  const Observed* best = nullptr;
  for (const Observed& replica : observed_)
    if (is_kept_frozen(replica) && may_serve(replica) && replica.slot == slot &&
        !is_outdated(replica, process) && (!best || replica.id > best->id))
      best = &replica;
  return best;
}

void Planner::thaw(const Observed& replica) {
  act(ThawReplica{replica.id});
  kept_.push_back(replica.id);
  wake_at(now_);  // it is ready at once
}

bool Planner::is_worth_keeping(const Observed& replica) const {
  const SchedulerMemory& memory = result_.memory;
  return policy_.keep_frozen > Duration::zero() && !desired_.target_pending &&
         !desired_.memory_tight && replica.slot.type == "web" && may_serve(replica) &&
         replica.volumes.empty() && !is_exclusive(replica.slot.type) &&
         !is_stepwise(replica.slot.type) && !replica.content.empty() &&
         replica.content != memory.serving_content &&
         replica.slot.release == memory.previous && !is_second(replica);
}

void Planner::keep_frozen(int serving) {
  int kept = result_.memory.previous;
  if (kept == 0)
    for (const Observed& replica : observed_)
      if (is_kept_frozen(replica)) kept = std::max(kept, replica.slot.release);
  if (desired_.target_pending) kept = desired_.target.version;
  for (const Observed& replica : observed_) {
    const bool thawed = std::ranges::find(kept_, replica.id) != kept_.end();
    if (!is_kept_frozen(replica) || thawed) continue;
    const Time deadline = std::min(replica.frozen_since, now_) + policy_.keep_frozen;
    const bool wanted = replica.slot.release == kept && kept != serving &&
                        !desired_.memory_tight && !is_second(replica) &&
                        !is_exclusive(replica.slot.type);
    if (!wanted || now_ >= deadline)
      act(StopReplica{replica.id});
    else
      wake_at(deadline);
  }
}

bool Planner::is_second(const Observed& replica) const {
  return std::ranges::any_of(observed_, [&](const Observed& other) {
    if (other.slot != replica.slot || other.id == replica.id) return false;
    if (is_kept_frozen(other)) return !replica.frozen || other.id > replica.id;
    return !replica.frozen && is_live(other) && other.drained && other.id > replica.id;
  });
}

}  // namespace berth::runtime
