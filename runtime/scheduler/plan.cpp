// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/plan.hpp"

#include <algorithm>
#include <optional>

namespace berth::runtime {

namespace {

bool is_live(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping;
}

/// The state of one call; each step reads the observation and adds actions.
class Planner {
 public:
  Planner(const Desired& desired, const std::vector<Observed>& observed,
          const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now)
      : desired_(desired), observed_(observed), policy_(policy), now_(now) {
    result_.memory = memory;
  }

  Plan run() {
    note_exits();
    const bool failed = desired_.target_pending && settle_failure();
    if (desired_.target_pending && !failed) keep(desired_.target, /*serve=*/false);
    const DesiredRelease& serving = desired_.target_pending ? desired_.serving : desired_.target;
    if (serving.version != 0) keep(serving, /*serve=*/true);
    if (desired_.target_pending && !failed) settle_success();
    retire_others(failed);
    finish_drains();
    describe(serving);
    forget_slots();
    return std::move(result_);
  }

 private:
  void act(Action action) { result_.actions.push_back(std::move(action)); }
  void wake_at(Time time) {
    if (result_.next == Time{} || time < result_.next) result_.next = time;
  }

  /// Exited replicas leave their mark in the slot's memory and are forgotten.
  void note_exits() {
    for (const Observed& replica : observed_) {
      if (replica.state != ReplicaState::exited) continue;
      act(ForgetReplica{replica.id});
      if (replica.stopping) continue;  // asked for: no crash
      SlotMemory& slot = result_.memory[replica.slot];
      const bool was_steady = replica.ready_at != Time{} &&
                              replica.exited_at - replica.ready_at >= policy_.steady_after;
      slot.failures = was_steady ? 1 : slot.failures + 1;
      slot.last_exit = replica.exited_at;
      slot.message = replica.message;
    }
  }

  /// A pending release fails with the first replica of it that exits.
  bool settle_failure() {
    for (const Observed& replica : observed_)
      if (replica.state == ReplicaState::exited && !replica.stopping &&
          replica.slot.release == desired_.target.version) {
        act(SettleRelease{desired_.target.version, false,
                          replica.slot.type + "." + std::to_string(replica.slot.index) + " " +
                              replica.message});
        return true;
      }
    return false;
  }

  void settle_success() {
    for (const auto& [type, process] : desired_.target.processes)
      for (int index = 1; index <= process.quantity; ++index)
        if (!current({type, index, desired_.target.version}, process, /*ready=*/true)) return;
    act(SettleRelease{desired_.target.version, true, {}});
    // Traffic moves in the next call, when the store says so.
    wake_at(now_);
  }

  /// The live replica of the slot that needs no replacement.
  const Observed* current(const Slot& slot, const DesiredProcess& process, bool ready) const {
    for (const Observed& replica : observed_)
      if (is_live(replica) && !replica.draining && replica.slot == slot &&
          replica.started_at >= process.restart_before &&
          (!ready || replica.state == ReplicaState::ready))
        return &replica;
    return nullptr;
  }

  /// Starts what the release misses; with `serve`, decides which of its replicas get traffic.
  void keep(const DesiredRelease& release, bool serve) {
    for (const auto& [type, process] : release.processes)
      for (int index = 1; index <= process.quantity; ++index)
        keep_slot({type, index, release.version}, process, serve);
  }

  void keep_slot(const Slot& slot, const DesiredProcess& process, bool serve) {
    const Observed* replica = current(slot, process, /*ready=*/false);
    if (!replica) start_after_backoff(slot);
    if (!serve) {
      if (replica) kept_.push_back(replica->id);
      return;
    }
    if (replica && replica->state == ReplicaState::ready) {
      kept_.push_back(replica->id);
      if (slot.type == "web") result_.routed.push_back(replica->id);
      return;
    }
    if (replica) kept_.push_back(replica->id);
    // Until the slot's own replica is ready, any earlier one of the slot goes on serving, be it of
    // an older release or from before a restart.
    for (const Observed& other : observed_)
      if (is_live(other) && !other.draining && other.state == ReplicaState::ready &&
          other.slot.type == slot.type && other.slot.index == slot.index &&
          !is_pending_target(other) && (!replica || other.id != replica->id)) {
        kept_.push_back(other.id);
        if (slot.type == "web") result_.routed.push_back(other.id);
      }
  }

  bool is_pending_target(const Observed& replica) const {
    return desired_.target_pending && replica.slot.release == desired_.target.version;
  }

  void start_after_backoff(const Slot& slot) {
    if (const auto found = result_.memory.find(slot); found != result_.memory.end()) {
      const Time earliest = found->second.last_exit + backoff(found->second.failures);
      if (now_ < earliest) {
        wake_at(earliest);
        return;
      }
    }
    act(StartReplica{slot});
  }

  Duration backoff(int failures) const {
    if (failures <= 1) return Duration::zero();
    Duration delay = policy_.first_backoff;
    for (int i = 2; i < failures && delay < policy_.longest_backoff; ++i) delay *= 2;
    return std::min(delay, policy_.longest_backoff);
  }

  /// Everything live that no slot wants: out of the routes first, then stopped.
  void retire_others(bool target_failed) {
    for (const Observed& replica : observed_) {
      if (!is_live(replica) || replica.draining) continue;
      const bool wanted = std::ranges::find(kept_, replica.id) != kept_.end() &&
                          !(target_failed && is_pending_target(replica));
      if (wanted) continue;
      const bool may_have_requests = replica.slot.type == "web" &&
                                     replica.state == ReplicaState::ready &&
                                     !is_pending_target(replica);
      if (may_have_requests)
        act(DrainReplica{replica.id});
      else
        act(StopReplica{replica.id});
    }
  }

  void finish_drains() {
    for (const Observed& replica : observed_) {
      if (!is_live(replica) || !replica.draining) continue;
      const Time deadline = replica.draining_since + policy_.drain_timeout;
      if (replica.drained || now_ >= deadline)
        act(StopReplica{replica.id});
      else
        wake_at(deadline);
    }
  }

  void describe(const DesiredRelease& serving) {
    // Nothing served before: requests wait for the pending release.
    const DesiredRelease& shown = serving.version != 0 ? serving : desired_.target;
    result_.routed_release = shown.version;
    result_.state = state_of(shown);
    if (result_.state == AppState::crashed) result_.message = crash_of(shown)->message;
  }

  AppState state_of(const DesiredRelease& release) const {
    if (desired_.maintenance) return AppState::maintenance;
    if (release.version == 0) return AppState::empty;
    const auto web = release.processes.find("web");
    if (web == release.processes.end()) return AppState::stopped;
    if (web->second.quantity == 0)
      return web->second.autoscaled ? AppState::asleep : AppState::stopped;
    if (result_.routed.empty() && crash_of(release)) return AppState::crashed;
    return AppState::running;
  }

  /// A web slot that crashed and has nothing starting in its place, if all of them are like that.
  const SlotMemory* crash_of(const DesiredRelease& release) const {
    const auto& web = release.processes.at("web");
    const SlotMemory* crash = nullptr;
    for (int index = 1; index <= web.quantity; ++index) {
      const Slot slot{"web", index, release.version};
      const auto memory = result_.memory.find(slot);
      // The first restart is at once: requests wait for it.
      if (memory == result_.memory.end() || memory->second.failures < 2) return nullptr;
      crash = &memory->second;
    }
    return crash;
  }

  /// Memory of slots that nothing wants any more, and of those that have been up long enough, goes.
  void forget_slots() {
    std::erase_if(result_.memory, [this](const auto& entry) {
      const auto wanted = [&](const DesiredRelease& release) {
        const auto process = release.processes.find(entry.first.type);
        return release.version == entry.first.release && process != release.processes.end() &&
               entry.first.index <= process->second.quantity;
      };
      if (!wanted(desired_.target) && !wanted(desired_.serving)) return true;
      for (const Observed& replica : observed_)
        if (replica.slot == entry.first && replica.state == ReplicaState::ready && is_live(replica)) {
          const Time steady = replica.ready_at + policy_.steady_after;
          if (now_ >= steady) return true;
          wake_at(steady);
        }
      return false;
    });
  }

  const Desired& desired_;
  const std::vector<Observed>& observed_;
  const SchedulerPolicy& policy_;
  const Time now_;
  std::vector<ReplicaId> kept_;
  Plan result_;
};

}  // namespace

Plan plan(const Desired& desired, const std::vector<Observed>& observed,
          const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now) {
  return Planner(desired, observed, memory, policy, now).run();
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
