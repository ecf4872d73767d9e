// SPDX-License-Identifier: Apache-2.0
//
// The state of one call of plan(); each step reads the observation and adds actions. For
// planner*.cpp alone.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/scheduler/plan.hpp"

namespace berth::runtime {

class Planner {
 public:
  Planner(const Desired& desired, const std::vector<Observed>& observed,
          const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now);

  Plan run();

 private:
  // planner.cpp: what fell, what goes, and what the whole is
  void act(Action action) { result_.actions.push_back(std::move(action)); }
  void wake_at(Time time);
  void note_serving(const DesiredRelease& serving);
  /// Exited replicas are forgotten and condemned ones stopped; crashes leave their mark in the
  /// slot's memory.
  void note_exits();
  void note_crash(const Observed& replica);
  /// An exit that nobody asked for, of a replica that was wanted, or that its health checks want it
  /// gone: its end is no second crash then. One that was draining, or from before a restart, was on
  /// its way out.
  bool is_crash(const Observed& replica) const;
  /// Everything live that no slot wants: out of the routes first, then stopped.
  void retire_others();
  void finish_drains();
  /// A release that crashes soon after it was settled makes room for the one before.
  void roll_back();
  void describe(const DesiredRelease& serving);
  AppState state_of(const DesiredRelease& release) const;
  /// A slot of the type that crashed so many times in a row, if all did.
  const SlotMemory* crash_of(const DesiredRelease& release, const std::string& type,
                             int times) const;
  /// Memory of slots that nothing wants any more, and of those whose replica has been up
  /// long enough, goes. Only the slot's own replica counts: one from before a restart
  /// says nothing of the new.
  void forget_slots();

  // planner_slots.cpp: what is wanted of a slot, and what there is
  /// What is wanted of the slot, or nothing if it is not wanted.
  const DesiredProcess* wanted(const Slot& slot) const;
  /// Whether the replica is from before a restart that was asked for, or of another shape. One that
  /// never began has no start: its end tells when it was tried.
  static bool is_outdated(const Observed& replica, const DesiredProcess& process);
  static bool differs(const std::string& shape, const std::string& volumes,
                      const DesiredProcess& process);
  /// One container of this type at a time: nobody else may be there when it starts.
  bool is_exclusive(const std::string& type) const;
  /// Until it has exited, whatever it is doing: one that stands still may write when it thaws.
  bool anybody_has(const std::string& type) const;
  /// The live replica of the slot that needs no replacement. After a crash of the server there may
  /// be several, their marks forgotten: a ready one goes first, then the youngest.
  const Observed* current(const Slot& slot, const DesiredProcess& process, bool ready) const;
  bool is_pending_target(const Observed& replica) const;
  /// It gets the canary's share of the requests, and no more.
  bool is_canary(const Observed& replica) const;
  /// Its replicas are replaced a few at a time.
  bool is_stepwise(const std::string& type) const;

  // planner_keep.cpp: who stays, who starts, and who gets traffic
  /// Starts what the release misses; with `serve`, decides which of its replicas get traffic.
  void keep(const DesiredRelease& release, bool serve);
  /// Nothing fills in, and nothing starts before everything else of the type has exited: what is
  /// not kept here drains and stops.
  void keep_alone(const Slot& slot, const DesiredProcess& process, bool serve);
  void keep_slot(const Slot& slot, const DesiredProcess& process, bool serve);
  /// Within the surge, and with no more slots unavailable than may be: what was there before serves
  /// in its slot until its successor is ready, or until room for one is needed.
  void keep_stepwise(const std::string& type, int release, const DesiredProcess& process);
  template <class Accept>
  const Observed* newest_that_serves(const Slot& slot, Accept accept) const;
  /// Thaws or starts the slot's own replica; false while it has to wait.
  bool begin(const Slot& slot, const DesiredProcess& process);
  /// Until the slot's own replica is ready, an earlier one of the slot goes on serving, be it from
  /// before a restart or of the release that served before.
  void fill_in(const Slot& slot, const DesiredProcess& process);
  bool start_after_backoff(const Slot& slot, const DesiredProcess& process);
  Duration backoff(int failures) const;
  void route(const Observed& replica);

  // planner_release.cpp: the pending release
  /// True once the target's replicas may start: its command, if it has one, has succeeded.
  bool run_release_command();
  bool fail_command(const std::string& why);
  /// A pending release fails with the first of its replicas that exits. A program that only ends,
  /// with status 0, is taken where nothing serves yet: nothing is lost, and somebody looks at it.
  bool settle_failure();
  void settle_success();
  /// Types of which one container runs at a time come last, so that they are away for a short while
  /// and for a release that is well otherwise.
  void keep_target();
  void route_canary();

  // planner_frozen.cpp: replicas that serve in another release's place, now or later
  /// A replica of a release that is not wanted is seen as one of a release with the same content
  /// that is. What serves goes on serving; what is frozen is for the release to come first.
  void lend_replicas(const DesiredRelease& serving);
  bool is_lent(const Observed& replica) const { return lent_.contains(replica.id); }
  int own_release(const Observed& replica) const;
  const Observed* frozen_for(const Slot& slot, const DesiredProcess& process) const;
  void thaw(const Observed& replica);
  /// Only web replicas: a worker that stands still may hold a lock, or a job that nobody else does.
  /// None with a volume either, where the lock may be one on a file, and none of a type whose
  /// replicas are counted.
  bool is_worth_keeping(const Observed& replica) const;
  /// Those of one release, one a slot, until their time is up. A new server does not know which
  /// release served before: it was the newest of them.
  void keep_frozen(int serving);
  /// Another of its slot is kept, or could be.
  bool is_second(const Observed& replica) const;

  const Desired& desired_;
  std::vector<Observed> observed_;
  const SchedulerPolicy& policy_;
  const Time now_;
  std::vector<ReplicaId> kept_;
  std::set<std::string> taken_over_;  ///< exclusive types that are the pending release's by now
  std::set<std::string> stepped_;     ///< types that both releases have been kept of
  std::map<ReplicaId, int> lent_;  ///< to a release of the same content as their own, this one
  bool command_failed_ = false;
  Plan result_;
};

// What an observation says by itself.

inline bool is_live(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && !replica.frozen &&
         replica.unhealthy.empty();
}

/// One that may go on.
inline bool may_stay(const Observed& replica) {
  return is_live(replica) && !replica.draining && !replica.unwanted;
}

inline bool is_kept_frozen(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && replica.frozen &&
         replica.unhealthy.empty();
}

/// Its health checks say that it has to go, and nobody has told it so yet.
inline bool is_condemned(const Observed& replica) {
  return replica.state != ReplicaState::exited && !replica.stopping && !replica.unhealthy.empty();
}

inline bool may_serve(const Observed& replica) {
  return replica.state == ReplicaState::ready && !replica.unready;
}

/// Why it fell, for people.
inline const std::string& reason(const Observed& replica) {
  return replica.unhealthy.empty() ? replica.message : replica.unhealthy;
}

}  // namespace berth::runtime
