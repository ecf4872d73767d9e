// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/plan.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "platform/process_type.hpp"

namespace berth::runtime {

namespace {

bool is_live(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && !replica.frozen &&
         replica.unhealthy.empty();
}

bool is_kept_frozen(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && replica.frozen &&
         replica.unhealthy.empty();
}

/// Its health checks say that it has to go, and nobody has told it so yet.
bool is_condemned(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && !replica.unhealthy.empty();
}

bool may_serve(const Observed& replica) {
  return replica.state == ReplicaState::ready && !replica.unready;
}

/// Why it fell, for people.
const std::string& reason(const Observed& replica) {
  return replica.unhealthy.empty() ? replica.message : replica.unhealthy;
}

/// The state of one call; each step reads the observation and adds actions.
class Planner {
 public:
  Planner(const Desired& desired, const std::vector<Observed>& observed,
          const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now)
      : desired_(desired), observed_(observed), policy_(policy), now_(now) {
    result_.memory = memory;
    // A clock that was set back must not stretch a back-off.
    for (auto& [slot, crashes] : result_.memory.slots)
      crashes.last_exit = std::min(crashes.last_exit, now);
  }

  Plan run() {
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
    retire_others(failed);
    finish_drains();
    keep_frozen(serving.version);
    describe(serving);
    forget_slots();
    return std::move(result_);
  }

 private:
  void act(Action action) { result_.actions.push_back(std::move(action)); }
  void wake_at(Time time) {
    if (result_.next == Time{} || time < result_.next) result_.next = time;
  }

  void note_serving(const DesiredRelease& serving) {
    SchedulerMemory& memory = result_.memory;
    if (memory.serving != serving.version) {
      memory.previous = std::exchange(memory.serving, serving.version);
      memory.previous_content = std::move(memory.serving_content);
    }
    memory.serving_content = serving.content;
  }

  /// A replica of a release that is not wanted is seen as one of a release with the same content
  /// that is. What serves goes on serving; what is frozen is for the release to come first.
  void lend_replicas(const DesiredRelease& serving) {
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

  bool is_lent(const Observed& replica) const { return lent_.contains(replica.id); }
  int own_release(const Observed& replica) const {
    const auto found = lent_.find(replica.id);
    return found == lent_.end() ? replica.slot.release : found->second;
  }

  /// What is wanted of the slot, or nothing if it is not wanted.
  const DesiredProcess* wanted(const Slot& slot) const {
    for (const DesiredRelease* release : {&desired_.target, &desired_.serving}) {
      if (release->version == 0 || release->version != slot.release) continue;
      const auto process = release->processes.find(slot.type);
      if (process != release->processes.end() && slot.index <= process->second.quantity)
        return &process->second;
    }
    return nullptr;
  }

  /// Whether the replica is from before a restart that was asked for, or of another shape. One that
  /// never began has no start: its end tells when it was tried.
  static bool is_outdated(const Observed& replica, const DesiredProcess& process) {
    const Time began = replica.started_at != Time{} ? replica.started_at : replica.exited_at;
    return began < process.restart_before ||
           differs(replica.shape, replica.volumes, process);
  }

  static bool differs(const std::string& shape, const std::string& volumes,
                      const DesiredProcess& process) {
    return (!shape.empty() && shape != process.shape) || volumes != process.volumes;
  }

  /// One container of this type at a time: nobody else may be there when it starts.
  bool is_exclusive(const std::string& type) const {
    return std::ranges::any_of(std::array{&desired_.target, &desired_.serving},
                               [&](const DesiredRelease* release) {
                                 const auto found = release->processes.find(type);
                                 return found != release->processes.end() &&
                                        found->second.exclusive;
                               });
  }

  /// Until it has exited, whatever it is doing: one that stands still may write when it thaws.
  bool anybody_has(const std::string& type) const {
    return std::ranges::any_of(observed_, [&](const Observed& replica) {
      return replica.slot.type == type && replica.state != ReplicaState::exited;
    });
  }

  /// An exit that nobody asked for, of a replica that was wanted, or that its health checks want it
  /// gone: its end is no second crash then. One that was draining, or from before a restart, was on
  /// its way out.
  bool is_crash(const Observed& replica) const {
    const bool fell = replica.state == ReplicaState::exited || is_condemned(replica);
    if (!fell || replica.stopping || replica.draining || replica.frozen) return false;
    // Another one starts in the place of one that did not bear to be frozen.
    if (is_pending_target(replica) && is_lent(replica)) return false;
    const DesiredProcess* process = wanted(replica.slot);
    return process && !is_outdated(replica, *process);
  }

  /// Exited replicas are forgotten and condemned ones stopped; crashes leave their mark in the
  /// slot's memory.
  void note_exits() {
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

  void note_crash(const Observed& replica) {
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

  /// True once the target's replicas may start: its command, if it has one, has succeeded.
  bool run_release_command() {
    const int version = desired_.target.version;
    if (!desired_.release_command || result_.memory.prepared == version) return true;
    const Observed* ours = nullptr;
    bool another_runs = false;
    for (const Observed& replica : observed_) {
      if (replica.slot.type != platform::release_process) continue;
      if (replica.slot.release != version)
        another_runs = another_runs || replica.state != ReplicaState::exited;
      else if (!ours || replica.id > ours->id)
        ours = &replica;
    }
    if (!ours) {
      // Migrations of two releases must not meet.
      if (!another_runs) act(StartReplica{{std::string(platform::release_process), 1, version}});
      return false;
    }
    if (ours->state == ReplicaState::exited && ours->succeeded) {
      result_.memory.prepared = version;
      return true;
    }
    if (ours->state == ReplicaState::exited) return fail_command(ours->message);
    const Time deadline = ours->started_at + policy_.release_timeout;
    if (now_ >= deadline) return fail_command("took too long");
    wake_at(deadline);
    kept_.push_back(ours->id);
    return false;
  }

  bool fail_command(const std::string& why) {
    command_failed_ = true;
    act(SettleRelease{desired_.target.version, false, "the release command " + why});
    return false;
  }

  /// A pending release fails with the first of its replicas that exits. A program that only ends,
  /// with status 0, is taken where nothing serves yet: nothing is lost, and somebody looks at it.
  bool settle_failure() {
    const Observed* first = nullptr;
    for (const Observed& replica : observed_)
      if (replica.slot.release == desired_.target.version && is_crash(replica) &&
          (!first ||
           std::tuple(replica.exited_at, replica.id) < std::tuple(first->exited_at, first->id)))
        first = &replica;
    if (!first) return false;
    const bool ended =
        first->succeeded && first->ready_at == Time{} && desired_.serving.version == 0;
    act(SettleRelease{
        desired_.target.version, ended,
        first->slot.type + "." + std::to_string(first->slot.index) + " " + reason(*first)});
    return true;
  }

  void settle_success() {
    for (const auto& [type, process] : desired_.target.processes)
      for (int index = 1; index <= process.quantity; ++index)
        if (!current({type, index, desired_.target.version}, process, /*ready=*/true)) return;
    act(SettleRelease{desired_.target.version, true, {}});
    // Traffic moves in the next call, when the store says so.
    wake_at(now_);
  }

  /// The live replica of the slot that needs no replacement. After a crash of the server there may
  /// be several, their marks forgotten: a ready one goes first, then the youngest.
  const Observed* current(const Slot& slot, const DesiredProcess& process, bool ready) const {
    const auto rank = [](const Observed& replica) {
      return std::tuple(may_serve(replica), replica.state == ReplicaState::ready,
                        replica.started_at, replica.id);
    };
    const Observed* best = nullptr;
    for (const Observed& replica : observed_)
      if (is_live(replica) && !replica.draining && replica.slot == slot &&
          !is_outdated(replica, process) && (!ready || may_serve(replica)) &&
          (!best || rank(replica) > rank(*best)))
        best = &replica;
    return best;
  }

  /// Types of which one container runs at a time come last, so that they are away for a short while
  /// and for a release that is well otherwise.
  void keep_target() {
    const auto ready = [&](const std::string& type, const DesiredProcess& process) {
      for (int index = 1; index <= process.quantity; ++index)
        if (!current({type, index, desired_.target.version}, process, /*ready=*/true))
          return false;
      return true;
    };
    const bool begun = std::ranges::all_of(desired_.target.processes, [&](const auto& entry) {
      return is_exclusive(entry.first) || ready(entry.first, entry.second);
    });
    for (const auto& [type, process] : desired_.target.processes)
      if (is_exclusive(type) && process.quantity > 0 &&
          (begun || current({type, 1, desired_.target.version}, process, /*ready=*/false)))
        taken_over_.insert(type);
    keep(desired_.target, /*serve=*/false);
  }

  /// Starts what the release misses; with `serve`, decides which of its replicas get traffic.
  void keep(const DesiredRelease& release, bool serve) {
    for (const auto& [type, process] : release.processes)
      for (int index = 1; index <= process.quantity; ++index) {
        const Slot slot{type, index, release.version};
        if (!is_exclusive(type) && !process.paused)
          keep_slot(slot, process, serve);
        else if (!desired_.target_pending || taken_over_.contains(type) != serve)
          keep_alone(slot, process, serve);
      }
  }

  /// Nothing fills in, and nothing starts before everything else of the type has exited: what is
  /// not kept here drains and stops.
  void keep_alone(const Slot& slot, const DesiredProcess& process, bool serve) {
    if (process.paused) return;
    if (const Observed* replica = current(slot, process, /*ready=*/false)) {
      kept_.push_back(replica->id);
      if (serve && may_serve(*replica)) route(*replica);
    } else if (!anybody_has(slot.type)) {
      start_after_backoff(slot, process);
    }
  }

  void keep_slot(const Slot& slot, const DesiredProcess& process, bool serve) {
    const Observed* replica = current(slot, process, /*ready=*/false);
    if (replica)
      kept_.push_back(replica->id);
    else if (const Observed* frozen = frozen_for(slot, process))
      thaw(*frozen);
    else
      start_after_backoff(slot, process);
    if (!serve) return;
    if (replica && may_serve(*replica))
      route(*replica);
    else
      fill_in(slot, process);
  }

  const Observed* frozen_for(const Slot& slot, const DesiredProcess& process) const {
    const Observed* best = nullptr;
    for (const Observed& replica : observed_)
      if (is_kept_frozen(replica) && may_serve(replica) && replica.slot == slot &&
          !is_outdated(replica, process) && (!best || replica.id > best->id))
        best = &replica;
    return best;
  }

  void thaw(const Observed& replica) {
    act(ThawReplica{replica.id});
    kept_.push_back(replica.id);
    wake_at(now_);  // it is ready at once
  }

  void route(const Observed& replica) {
    if (replica.slot.type == "web") result_.routed.push_back(replica.id);
  }

  /// Until the slot's own replica is ready, an earlier one of the slot goes on serving, be it from
  /// before a restart or of the release that served before.
  void fill_in(const Slot& slot, const DesiredProcess& process) {
    const auto rank = [](const Observed& replica) {
      return std::tuple(replica.slot.release, replica.started_at, replica.id);
    };
    const Observed* best = nullptr;
    for (const Observed& other : observed_) {
      if (!is_live(other) || other.draining || !may_serve(other) ||
          other.slot.type != slot.type || other.slot.index != slot.index)
        continue;
      const bool outdated = other.slot.release == slot.release && is_outdated(other, process);
      const bool previous = other.slot.release != slot.release &&
                            own_release(other) == result_.memory.previous;
      if ((outdated || previous) && (!best || rank(other) > rank(*best))) best = &other;
    }
    if (!best) return;
    kept_.push_back(best->id);
    route(*best);
  }

  bool is_pending_target(const Observed& replica) const {
    return desired_.target_pending && replica.slot.release == desired_.target.version;
  }

  void start_after_backoff(const Slot& slot, const DesiredProcess& process) {
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
          return;
        }
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
                          !(target_failed && is_pending_target(replica) && !is_lent(replica));
      if (wanted) continue;
      const bool may_have_requests = replica.slot.type == "web" &&
                                     replica.state == ReplicaState::ready &&
                                     (!is_pending_target(replica) || is_lent(replica));
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
      if (replica.drained && is_worth_keeping(replica))
        act(FreezeReplica{replica.id});
      else if (replica.drained || now_ >= deadline)
        act(StopReplica{replica.id});
      else
        wake_at(deadline);
    }
  }

  /// Only web replicas: a worker that stands still may hold a lock, or a job that nobody else does.
  /// None with a volume either, where the lock may be one on a file.
  bool is_worth_keeping(const Observed& replica) const {
    const SchedulerMemory& memory = result_.memory;
    return policy_.keep_frozen > Duration::zero() && !desired_.target_pending &&
           !desired_.memory_tight && replica.slot.type == "web" && may_serve(replica) &&
           replica.volumes.empty() && !is_exclusive(replica.slot.type) &&
           !replica.content.empty() && replica.content != memory.serving_content &&
           replica.slot.release == memory.previous && !is_second(replica);
  }

  /// Those of one release, one a slot, until their time is up. A new server does not know which
  /// release served before: it was the newest of them.
  void keep_frozen(int serving) {
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

  /// Another of its slot is kept, or could be.
  bool is_second(const Observed& replica) const {
    return std::ranges::any_of(observed_, [&](const Observed& other) {
      if (other.slot != replica.slot || other.id == replica.id) return false;
      if (is_kept_frozen(other)) return !replica.frozen || other.id > replica.id;
      return !replica.frozen && is_live(other) && other.drained && other.id > replica.id;
    });
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
      const auto memory = result_.memory.slots.find(slot);
      // The first restart is at once: requests wait for it.
      if (memory == result_.memory.slots.end() || memory->second.failures < 2) return nullptr;
      crash = &memory->second;
    }
    return crash;
  }

  /// Memory of slots that nothing wants any more, and of those whose replica has been up
  /// long enough, goes. Only the slot's own replica counts: one from before a restart
  /// says nothing of the new.
  void forget_slots() {
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

  const Desired& desired_;
  std::vector<Observed> observed_;
  const SchedulerPolicy& policy_;
  const Time now_;
  std::vector<ReplicaId> kept_;
  std::set<std::string> taken_over_;  ///< exclusive types that are the pending release's by now
  std::map<ReplicaId, int> lent_;  ///< to a release of the same content as their own, this one
  bool command_failed_ = false;
  Plan result_;
};

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
