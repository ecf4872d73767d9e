// SPDX-License-Identifier: Apache-2.0
//
// The scheduler's decisions as a pure function: what one app should run and what it runs become the
// next actions, the replicas that may get traffic, and the state that the router shows. No clock,
// no thread, no engine; whole states are compared, so a missed event costs nothing. The shell that
// acts is server/controller; tests/sim drives plan() with faults.
//
// A rollout: the pending release's replicas start beside the serving ones and get no traffic; when
// all are ready the release is settled as succeeded, traffic moves, and the old ones drain and
// stop. One that exits before that, or fails its health checks, settles the release as failed and
// the old ones go on; without old ones, an exit with status 0 is no failure. A release with a
// release command (Procfile "release") runs it once, alone, before any replica starts.
//
// An app that is preempted runs nothing: what serves drains and stops, a pending release fails.
//
// The web replicas of the release that served before are kept frozen for a while: a release of the
// same content, which a rollback to it is, thaws them instead of starting its own.
//
// A type with a surge is replaced stepwise: never more replicas than quantity and surge, never
// fewer slots served than `unavailable` says, and new replicas serve beside old ones as they come.
// A release that fails half-way is replaced in the same way.
//
// A pending release may be a canary: some of its web replicas get a share of the requests, beside
// all of those that serve, until it is promoted or fails.
//
// A type with an exclusive volume has one container at a time: its old replica drains and ends
// before the new one starts, once all others of a pending release are ready. What has a volume is
// never frozen.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "runtime/engine/engine.hpp"

namespace berth::runtime {

struct DesiredProcess {
  int quantity = 0;
  bool autoscaled = false;       ///< 0 replicas then means asleep, not stopped
  Time restart_before{};         ///< replicas started earlier are replaced
  std::string shape;             ///< its limits and its place; those of another go, in the same way
  std::string volumes;           ///< and those with other volumes (volumes_text())
  bool exclusive = false;        ///< of its volumes one is for one container at a time
  bool paused = false;           ///< a volume is restored: none may run, and requests wait
  std::optional<int> surge;  ///< more than `quantity` while they are replaced; nothing: all at once
  int unavailable = 0;  ///< slots that may be without a ready replica meanwhile
  friend bool operator==(const DesiredProcess&, const DesiredProcess&) = default;
};

struct DesiredRelease {
  int version = 0;  ///< 0: there is none
  std::string content;  ///< the same: their replicas are as good as each other's; empty: not known
  std::map<std::string, DesiredProcess> processes;  ///< by type; "web" gets traffic
  friend bool operator==(const DesiredRelease&, const DesiredRelease&) = default;
};

struct Desired {
  DesiredRelease target;
  bool target_pending = false;  ///< not settled yet: the gate is closed
  bool release_command = false;  ///< the target has one, which must succeed first
  int canary = 0;         ///< percent of the requests that the pending target gets; 0: it is none
  bool promoted = false;  ///< of a canary: it may be settled
  Time roll_back_until{};  ///< a settled target that crashes before is rolled back; epoch: never
  DesiredRelease serving;  ///< what serves while the target is pending; version 0 if nothing did
  bool maintenance = false;
  bool memory_tight = false;  ///< of the machine: what is only kept goes
  bool preempted = false;  ///< memory stays short, and this app is of those that have to give way
  [[nodiscard]] bool is_canary() const { return canary > 0 && !promoted; }
};

/// Why a release of an app that is preempted fails.
inline constexpr std::string_view preempted_why =
    "the machine's memory is short, and previews give way first. Try again later";


struct Slot {
  std::string type;
  int index = 1;  ///< "web.1"
  int release = 0;
  friend auto operator<=>(const Slot&, const Slot&) = default;
};

struct Observed {
  ReplicaId id;
  Slot slot;
  std::string content;  ///< of its release
  std::string shape;  ///< empty: not known, and as good as any
  std::string volumes;  ///< that it has
  ReplicaState state = ReplicaState::starting;
  bool stopping = false;
  bool unwanted = false;  ///< somebody asked for its end: it is replaced, and drains
  bool draining = false;  ///< out of the routes
  bool drained = false;   ///< and without a request left on it
  Time started_at{};
  Time ready_at{};
  Time draining_since{};
  bool frozen = false;
  Time frozen_since{};
  Time exited_at{};
  bool unready = false;   ///< a readiness check fails: no traffic
  bool unrouted = false;  ///< it never got traffic, for certain
  std::string unhealthy;  ///< why its checks say that it has to go; empty: they do not
  bool succeeded = false; ///< it exited by itself, with status 0
  std::string message;    ///< why it ended, for people
  friend bool operator==(const Observed&, const Observed&) = default;
};

/// What is remembered of a slot's crashes, for the back-off.
struct SlotMemory {
  int failures = 0;  ///< in a row
  Time last_exit{};
  ReplicaId last;  ///< whose exit that was
  std::string shape;    ///< that it had
  std::string volumes;  ///< and these
  std::string message;
  friend bool operator==(const SlotMemory&, const SlotMemory&) = default;
};

/// What plan() remembers from call to call. Losing it (a crash of the server) costs a back-off that
/// begins again, and a release command that is run again.
struct SchedulerMemory {
  std::map<Slot, SlotMemory> slots;
  int serving = 0;   ///< the release that serves
  int previous = 0;  ///< the one that did before: its replicas may fill in while they are there
  std::string serving_content;
  std::string previous_content;
  int prepared = 0;  ///< the release whose command has succeeded
  friend bool operator==(const SchedulerMemory&, const SchedulerMemory&) = default;
};

struct SchedulerPolicy {
  Duration drain_timeout = 30s;
  Duration release_timeout = 1h;  ///< for the release command
  Duration first_backoff = 1s;   ///< before the second restart in a row; the first is at once
  Duration longest_backoff = 60s;
  Duration steady_after = 60s;   ///< up this long, a crash counts as the first again
  Duration keep_frozen = 0s;     ///< replicas of the release before; 0: they are stopped
};

struct StartReplica {
  Slot slot;
  friend bool operator==(const StartReplica&, const StartReplica&) = default;
};
struct DrainReplica {
  ReplicaId id;
  friend bool operator==(const DrainReplica&, const DrainReplica&) = default;
};
/// A replica without a request left stands still, until it is thawed or stopped.
struct FreezeReplica {
  ReplicaId id;
  friend bool operator==(const FreezeReplica&, const FreezeReplica&) = default;
};
/// It goes on, as a replica of the release that wants it, and is not draining any more.
struct ThawReplica {
  ReplicaId id;
  friend bool operator==(const ThawReplica&, const ThawReplica&) = default;
};
struct StopReplica {
  ReplicaId id;
  friend bool operator==(const StopReplica&, const StopReplica&) = default;
};
/// An exited replica has been taken note of.
struct ForgetReplica {
  ReplicaId id;
  friend bool operator==(const ForgetReplica&, const ForgetReplica&) = default;
};
struct SettleRelease {
  int version = 0;
  bool succeeded = false;
  std::string failure;  ///< of one that succeeded: what ended before it was ready
  friend bool operator==(const SettleRelease&, const SettleRelease&) = default;
};
/// The release that served before is released again.
struct RollBack {
  int version = 0;  ///< from
  std::string why;
  friend bool operator==(const RollBack&, const RollBack&) = default;
};
using Action = std::variant<StartReplica, DrainReplica, FreezeReplica, ThawReplica, StopReplica,
                            ForgetReplica, SettleRelease, RollBack>;

/// As the router's protocol names them (docs/decisions/0002).
enum class AppState { empty, running, asleep, stopped, crashed, maintenance };

struct Plan {
  std::vector<Action> actions;
  std::vector<ReplicaId> routed;  ///< web replicas that get traffic, in slot order
  std::vector<ReplicaId> canary;  ///< that get Desired::canary percent of it, in slot order
  AppState state = AppState::empty;
  int routed_release = 0;         ///< the release whose traffic is served or awaited
  std::string message;            ///< for state crashed, and of an app that is preempted: why
  SchedulerMemory memory;         ///< for the next call
  Time next{};  ///< plan again then at the latest; epoch: only when something changes
};

/// One app's next steps. Actions are to be carried out in order; an action that fails is simply
/// seen again in the next call's observation.
[[nodiscard]] Plan plan(const Desired& desired, const std::vector<Observed>& observed,
                        const SchedulerMemory& memory, const SchedulerPolicy& policy, Time now);

[[nodiscard]] std::string_view name_of(AppState state);

}  // namespace berth::runtime
