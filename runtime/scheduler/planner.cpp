// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

namespace {

/// In a row. The first restart is at once: requests wait for it.
constexpr int crashes_before_error = 2;
constexpr int crashes_before_rollback = 3;

}  // namespace

Planner::Planner(const Desired& desired, const std::vector<Observed>& observed,
                 const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now)
    : desired_(desired), observed_(observed), policy_(policy), now_(now) {
  result_.memory = memory;
  // A clock that was set back must not stretch a back-off.
  for (auto& [slot, crashes] : result_.memory.slots)
    crashes.last_exit = std::min(crashes.last_exit, now);
}

Plan Planner::run() {
  const DesiredRelease& serving = desired_.target_pending ? desired_.serving : desired_.target;
  note_serving(serving);
  lend_replicas(serving);
  note_exits();
  const bool starved = desired_.preempted && desired_.target_pending;
  if (starved)
    act(SettleRelease{desired_.target.version, false, std::string(preempted_why)});
  const bool prepared = !starved && desired_.target_pending && run_release_command();
  const bool failed = starved || command_failed_ || (prepared && settle_failure());
  if (prepared && !failed) keep_target();
  if (serving.version != 0) keep(serving, /*serve=*/true);
  if (prepared && !failed) settle_success();
  if (prepared && !failed) route_canary();
  retire_others();
  finish_drains();
  keep_frozen(serving.version);
  describe(serving);
  roll_back();
  forget_slots();
  return std::move(result_);
}

void Planner::wake_at(Time time) {
  if (result_.next == Time{} || time < result_.next) result_.next = time;
}

void Planner::note_serving(const DesiredRelease& serving) {
  SchedulerMemory& memory = result_.memory;
  if (memory.serving != serving.version) {
    memory.previous = std::exchange(memory.serving, serving.version);
    memory.previous_content = std::move(memory.serving_content);
  }
  memory.serving_content = serving.content;
}

void Planner::note_exits() {
  std::vector<const Observed*> crashes;
  for (const Observed& replica : observed_) {
    if (replica.state == ReplicaState::exited)
      act(ForgetReplica{replica.id});
    else if (is_condemned(replica))
      act(StopReplica{replica.id});
    if (is_crash(replica)) crashes.push_back(&replica);
  }
  std::ranges::sort(crashes, {}, [](const Observed* replica) {
    return std::tuple(replica->exited_at, replica->id);
  });
  for (const Observed* replica : crashes) note_crash(*replica);
}

void Planner::note_crash(const Observed& replica) {
  SlotMemory& slot = result_.memory.slots[replica.slot];
  // A lost replica may have no time of its end, and a clock may have been set back.
  const Time exited_at = replica.exited_at == Time{} ? now_ : std::min(replica.exited_at, now_);
  if (slot.last == replica.id) return;  // noted before: to forget it failed
  const bool was_steady = replica.ready_at != Time{} &&
                          exited_at - replica.ready_at >= policy_.steady_after;
  slot.failures = was_steady ? 1 : slot.failures + 1;
  slot.last_exit = exited_at;
  slot.last = replica.id;
  slot.shape = replica.shape;
  slot.volumes = replica.volumes;
  slot.message = reason(replica);
}

bool Planner::is_crash(const Observed& replica) const {
  const bool fell = replica.state == ReplicaState::exited || is_condemned(replica);
  if (!fell || replica.stopping || replica.draining || replica.unwanted || replica.frozen)
    return false;
  // Another one starts in the place of one that did not bear to be frozen.
  if (is_pending_target(replica) && is_lent(replica)) return false;
  const DesiredProcess* process = wanted(replica.slot);
  return process && !is_outdated(replica, *process);
}

void Planner::retire_others() {
  for (const Observed& replica : observed_) {
    if (!is_live(replica) || replica.draining) continue;
    if (std::ranges::find(kept_, replica.id) != kept_.end()) continue;
    const bool may_have_requests = replica.slot.type == "web" &&
                                   replica.state == ReplicaState::ready && !replica.unrouted;
    if (may_have_requests)
      act(DrainReplica{replica.id});
    else
      act(StopReplica{replica.id});
  }
}

void Planner::finish_drains() {
  for (const Observed& replica : observed_) {
    if (!is_live(replica) || !replica.draining) continue;
    const Time deadline = replica.draining_since + policy_.drain_timeout;
    if (replica.drained && is_worth_keeping(replica))
      act(FreezeReplica{replica.id});
    else if (replica.drained || now_ >= deadline)
      act(StopReplica{replica.id});
    else
      wake_at(deadline);
  }
}

void Planner::roll_back() {
  const DesiredRelease& target = desired_.target;
  if (desired_.target_pending || now_ >= desired_.roll_back_until) return;
  for (const auto& [type, process] : target.processes) {
    if (target.processes.contains("web") && type != "web") continue;
    const SlotMemory* crash = crash_of(target, type, crashes_before_rollback);
    if (!crash) continue;
    act(RollBack{target.version, type + " " + crash->message});
    return;
  }
}

void Planner::describe(const DesiredRelease& serving) {
  // Nothing served before: requests wait for the pending release.
  const DesiredRelease& shown = serving.version != 0 ? serving : desired_.target;
  result_.routed_release = shown.version;
  result_.state = state_of(shown);
  if (result_.state == AppState::crashed)
    result_.message = crash_of(shown, "web", crashes_before_error)->message;
}

AppState Planner::state_of(const DesiredRelease& release) const {
  if (desired_.maintenance) return AppState::maintenance;
  if (release.version == 0) return AppState::empty;
  const auto web = release.processes.find("web");
  if (web == release.processes.end()) return AppState::stopped;
  if (web->second.quantity == 0)
    return web->second.autoscaled ? AppState::asleep : AppState::stopped;
  if (result_.routed.empty() && crash_of(release, "web", crashes_before_error))
    return AppState::crashed;
  return AppState::running;
}

const SlotMemory* Planner::crash_of(const DesiredRelease& release, const std::string& type,
                                    int times) const {
  const SlotMemory* crash = nullptr;
  for (int index = 1; index <= release.processes.at(type).quantity; ++index) {
    const Slot slot{type, index, release.version};
    const auto memory = result_.memory.slots.find(slot);
    if (memory == result_.memory.slots.end() || memory->second.failures < times) return nullptr;
    crash = &memory->second;
  }
  return crash;
}

void Planner::forget_slots() {
  std::erase_if(result_.memory.slots, [this](const auto& entry) {
    const auto& [slot, crashes] = entry;
    const DesiredProcess* process = wanted(slot);
    if (!process) return true;
    const Observed* replica = current(slot, *process, /*ready=*/true);
    if (!replica) return false;
    const Time steady = replica->ready_at + policy_.steady_after;
    if (now_ >= steady) return true;
    wake_at(steady);
    return false;
  });
}

}  // namespace berth::runtime
