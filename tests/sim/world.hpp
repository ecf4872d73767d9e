// SPDX-License-Identifier: Apache-2.0
//
// One app in a simulated world: a store, an engine, a router and a user that behave like the real
// ones and fail like them, driven by seed, around the real plan() and decide(). The world's time is
// virtual. After every decision the promises are checked (promises.cpp); a
// broken one throws Broken.
//
// What survives a crash of the server survives here (store, engine, router); what it keeps in
// memory (back-off, draining and stopping marks, restart times, samples) is lost.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/process_type.hpp"
#include "runtime/autoscaler/decide.hpp"
#include "runtime/scheduler/plan.hpp"
#include "tests/sim/random.hpp"

namespace berth::sim {

using namespace berth::runtime;

inline const std::string exited_well = "exited with status 0";

/// A promise was broken; the text says which, and when.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class World final {
 public:
  /// `trace` keeps what happened, for people. With the planted bug the server takes one drain in
  /// fifty for done before the router says so: the simulation must find that.
  explicit World(std::uint64_t seed, bool trace = false, bool plant_bug = false);

  /// Trouble for some minutes, then calm; throws Broken.
  void run();
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  enum class Status { pending, succeeded, failed };
  struct Release {
    int version = 0;
    Status status = Status::pending;
    int content = 0;  ///< the version that it is a rollback to, or its own
    std::set<std::string> types;
    bool bad = false;  ///< its processes end soon after their start
    bool command = false;   ///< it has a release command
    bool prepared = false;  ///< which has succeeded
    int canary = 0;         ///< percent that it gets until it is promoted
    bool promoted = false;
    bool stays = false;  ///< it was rolled back once, or is what came of it
    Time settled_at{};
  };
  struct Formation {
    int quantity = 0;
    bool autoscaled = false;
    std::string size = "standard";
    std::string volumes;     ///< an exclusive one; empty: none
    std::optional<int> surge;  ///< nothing: all at once
    int unavailable = 0;
    [[nodiscard]] bool stepwise() const { return surge && !exclusive(); }
    Time restored_at = Time::max();  ///< a restore was asked for, and may be done then
    [[nodiscard]] bool exclusive() const { return !volumes.empty(); }
    [[nodiscard]] bool paused() const { return restored_at != Time::max(); }
  };
  struct Store {
    std::vector<Release> releases;
    std::map<std::string, Formation> formation;
    ScalingPolicy policy;
    bool maintenance = false;
  };
  /// What the engine knows of a replica, and what will become of it.
  struct Replica {
    Observed seen;
    bool stop_requested = false;
    Time ready_due = Time::max();
    Time exit_due = Time::max();
    std::string exit_message;
    Time condemned_due = Time::max();  ///< when its health checks have had enough of it
  };
  struct Router {
    std::set<ReplicaId> table;
    std::map<ReplicaId, std::vector<Time>> in_flight;  ///< when each request ends
    std::map<ReplicaId, Time> removed_at;
    std::set<ReplicaId> reported;  ///< drained was sent, to whoever listened
    AppState state = AppState::empty;
    std::uint64_t held = 0;
    std::uint64_t finished = 0;  ///< since the last sample
  };
  /// The server's memory.
  struct Server {
    SchedulerMemory memory;
    std::map<std::string, Time> restart_before;
    std::map<ReplicaId, Observed> marks;  ///< stopping and draining marks by replica
    ScalingState scaling;
    Time timer = Time::max();
    Time up_at{};  ///< it is down before this
    std::vector<ReplicaId> routed;  ///< of the last plan
    std::set<ReplicaId> unrouted;   ///< that it started, and that were in none
  };

  // world.cpp: what happens by itself
  void step();
  [[nodiscard]] Time next_event() const;
  void engine_events();
  void router_events();
  void second();
  void restore_volumes();
  void calm_down();

  // world_user.cpp: what a user and bad luck do
  void trouble();
  void deploy(bool bad);
  void roll_back();
  void release_again(Release again);
  void promote_or_abort();
  void change_volume(const std::string& type);
  void crash_server();

  // world_server.cpp: the shell around plan() and decide()
  void reconcile();
  void autoscale(const LoadSample& sample);
  [[nodiscard]] Desired desired() const;
  [[nodiscard]] bool is_canary(const Release& release) const;
  [[nodiscard]] DesiredRelease wanted(const Release& release, bool pending) const;
  [[nodiscard]] std::vector<Observed> observed();
  /// False if the server crashed on the way.
  [[nodiscard]] bool act(const Action& action);
  void start(const Slot& slot);
  void start_command(Replica& replica);
  void stop(const ReplicaId& id);
  void freeze(const ReplicaId& id);
  void thaw(Replica& replica);
  void exit_now(Replica& replica, std::string message);
  void route(const Plan& plan);
  [[nodiscard]] const Release* target() const;
  [[nodiscard]] const Release* serving() const;
  /// The last that succeeded before this one and is another.
  [[nodiscard]] const Release* good_before(const Release& release) const;
  [[nodiscard]] Release& release(int version);

  // promises.cpp
  void check_plan(const Desired& desired, const std::vector<Observed>& observed, const Plan& plan);
  void check_routes(const Desired& desired, const std::vector<Observed>& observed,
                    const Plan& plan);
  void check_order_is_no_matter(const Desired& desired, std::vector<Observed> observed,
                                const Plan& plan);
  void check_start(const Slot& slot);
  void check_steps(const Desired& desired, const std::vector<Observed>& observed,
                   const Plan& plan);
  void check_canary(const Desired& desired, const Plan& plan) const;
  void check_stop(const ReplicaId& id);
  void check_settle(const SettleRelease& outcome, const std::vector<Observed>& observed) const;
  void check_slots();
  void check_frozen();
  void check_preempted() const;
  void check_volumes() const;
  [[nodiscard]] bool is_held(const std::string& type) const;
  /// A replica of this release, or of one that it is the same as.
  [[nodiscard]] bool stands_for(const Observed& seen, int version) const;
  void check_converged();
  void demand(bool kept, const std::string& promise) const;

  void tell(const std::string& what);
  [[nodiscard]] std::string stamp() const;

  Random random_;
  bool tracing_;
  bool plant_bug_;
  bool calm_ = false;
  Time now_{std::chrono::hours(1000)};
  Time next_second_;
  Time next_trouble_;
  int next_id_ = 0;
  bool memory_tight_ = false;
  bool preview_ = false;    ///< the app is one: it gives way when memory is short
  Time tight_since_{};      ///< memory is short since
  int rate_ = 0;  ///< requests a second that users send
  SchedulerPolicy policy_;
  Store store_;
  std::map<ReplicaId, Replica> engine_;
  Router router_;
  Server server_;
  /// Starts of each slot since anybody but the scheduler had a reason for them.
  std::map<Slot, std::vector<Time>> starts_;
  std::set<ReplicaId> stopped_by_user_;
  std::set<std::string> steps_;  ///< types that were replaced stepwise at some time
  std::vector<std::string> story_;
};

}  // namespace berth::sim
