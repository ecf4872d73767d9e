// SPDX-License-Identifier: Apache-2.0
//
// The control plane's loop: observes the store and the engine, asks plan() and decide(), and acts
// on engine, router and store. It keeps no truth of its own: after a crash it reads the store,
// adopts what the engine finds running, and goes on. Everything happens on one strand; only the
// engine's blocking calls go to the pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/control.hpp"
#include "builder/image_store.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "runtime/autoscaler/decide.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/health/memory_pressure.hpp"
#include "runtime/scheduler/canary.hpp"
#include "runtime/scheduler/place.hpp"
#include "runtime/scheduler/plan.hpp"
#include "runtime/scheduler/start_turns.hpp"
#include "server/certificates.hpp"
#include "server/cron_jobs.hpp"
#include "server/health_watch.hpp"
#include "server/notices.hpp"
#include "server/router_link.hpp"

namespace berth::server {

/// What the controller works with; all outlive it.
struct ControllerParts {
  boost::asio::any_io_executor strand;
  boost::asio::thread_pool& pool;
  const platform::Config& config;
  platform::Store& store;
  builder::ImageStore& images;
  runtime::Engine& engine;
  RouterLink& router;
  Certificates& certificates;
  Notices& notices;
};

class Controller final {
 public:
  explicit Controller(ControllerParts parts);
  ~Controller();

  /// Adopts what runs, then brings every app to what the store wants.
  [[nodiscard]] Result<void> start();
  /// Stops deciding; what runs goes on.
  boost::asio::awaitable<void> stop();

  void reconcile(const platform::AppId& app);
  void app_destroyed(const platform::App& app);

  [[nodiscard]] std::vector<api::ReplicaView> replicas(const platform::AppId& app) const;
  [[nodiscard]] std::vector<api::CheckView> checks(const platform::AppId& app);
  [[nodiscard]] std::vector<api::PoolView> pools() const;
  [[nodiscard]] api::CanaryView canary(const platform::AppId& app) const;
  [[nodiscard]] Result<void> restart(const platform::AppId& app, const std::string& which);
  [[nodiscard]] Result<void> stop_replica(const platform::AppId& app, const std::string& which);
  [[nodiscard]] std::vector<api::TrafficSample> traffic(const platform::AppId& app,
                                                        int seconds) const;
  /// The unpacked layers below every replica and one-off that has not ended.
  [[nodiscard]] std::vector<std::filesystem::path> mounted_layers() const;
  [[nodiscard]] runtime::AppState state_of(const platform::AppId& app) const;

  /// A one-off is started like any replica but belongs to no formation.
  struct OneOffStarted {
    runtime::ReplicaId id;
    api::ReplicaView view;
    std::function<Result<void>()> start;  ///< blocking, for the pool
  };
  [[nodiscard]] Result<OneOffStarted> prepare_one_off(const platform::AppId& app,
                                                      const api::OneOffRequest& request);
  /// A further program in a replica that runs; blocking, for the pool.
  [[nodiscard]] Result<std::function<Result<Fd>()>> prepare_exec(const platform::AppId& app,
                                                                 const std::string& name,
                                                                 const api::OneOffRequest& request);
  void one_off_failed(const runtime::ReplicaId& id);

  [[nodiscard]] CronJobs& cron() { return cron_; }

  /// Names of the containers that have the volume, until they have exited.
  [[nodiscard]] std::vector<std::string> holders(const platform::VolumeId& volume) const;
  /// Called after each look at an app.
  void after_look(std::function<void(const platform::AppId&)> listener) {
    after_look_ = std::move(listener);
  }
  [[nodiscard]] Result<void> apply_egress(const platform::App& app);

  /// Calls back once the release is settled (at once if it is) or gets its share as a canary, or
  /// still pending when we stop.
  void when_settled(const platform::AppId& app, const platform::ReleaseId& release,
                    std::function<void(const platform::Release&)> callback);

  /// Calls back once app.json's postdeploy script does not run (any more): at once if none does.
  void when_postdeploy_ended(const platform::AppId& app, std::function<void()> callback);

  [[nodiscard]] std::filesystem::path log_directory(const platform::AppId& app) const;
  [[nodiscard]] json::object status() const;

 private:
  struct Replica {
    runtime::ReplicaStatus status;
    bool unwanted = false;  ///< somebody asked for its end
    bool draining = false;
    bool drained = false;
    Time draining_since{};
    Time frozen_since{};
    std::string unhealthy;  ///< why its health checks want it gone
    Time ready_at{};        ///< its health checks let it be so
    bool unrouted = false;  ///< we started it, and it never was in a route
    runtime::MemoryPressure pressure;
  };
  struct AppRecord {
    runtime::SchedulerMemory memory;
    std::map<std::string, Time> restart_before;
    runtime::ScalingState scaling;
    std::deque<api::TrafficSample> traffic;
    runtime::AppState state = runtime::AppState::empty;
    std::string routed_as;  ///< the name that the router knows
    std::vector<std::string> hosts;
    bool queued = false;
    int pending = 0;    ///< the release that is rolled out, or 0
    Time awaited_at{};  ///< when a request was last known to wait for a replica
    std::map<int, std::string> contents;  ///< of releases, as the scheduler compares them
    bool blocked = false;  ///< a full disk stopped a decision, which is tried again
    bool preview = false;
    int canary = 0;         ///< the release that gets its share of the requests, or 0
    runtime::CanaryTrial trial;  ///< how it fares
    bool gives_way = false;  ///< it is a preview, and memory is short
    std::map<runtime::Slot, api::ReplicaView> crashed;  ///< that wait to be tried again
    int least_web = 0;       ///< web replicas that are not there for load alone
    runtime::Room room = runtime::Room::enough;  ///< where its replicas are
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  struct Waiter {
    platform::AppId app;
    platform::ReleaseId release;
    std::function<void(const platform::Release&)> callback;
  };

  // controller.cpp: observing and deciding
  void on_replica(const runtime::ReplicaStatus& status);
  void end_one_off(const Replica& replica);
  void on_drained(const std::string& replica);
  void on_wake(const std::string& app);
  void on_samples(const json::object& samples);
  void on_router(bool restarted);
  void tick();
  void reconcile_now(const platform::AppId& app);
  void autoscale(const platform::App& app, AppRecord& record, const runtime::LoadSample& sample);
  void call_waiters();

  // controller_desired.cpp: what plan() is asked with
  [[nodiscard]] runtime::Desired desired_of(const platform::App& app, AppRecord& record);
  [[nodiscard]] std::vector<runtime::Observed> observed_of(const platform::AppId& app);
  /// What makes the replicas of two releases as good as each other: image, config vars, processes.
  [[nodiscard]] const std::string& content_of(const platform::AppId& app, int version);

  // controller_canary.cpp: how a release fares that serves
  static void note_canary(AppRecord& record, int version);
  static void compare_canary(AppRecord& record, const json::object& sample);
  void judge_canary(const platform::App& app, AppRecord& record);
  /// What this one would be rolled back to if it crashed now: the last that served and is another.
  [[nodiscard]] std::optional<platform::Release> release_before(const platform::App& app,
                                                                const platform::Release& target);
  void roll_back(const platform::App& app, const runtime::RollBack& crash);

  // controller_postdeploy.cpp: the script of an app's first release
  void begin_postdeploy(const platform::AppId& app);
  void resume_postdeploys();
  void end_postdeploy(const platform::AppId& app, bool succeeded, const std::string& message);

  // controller_volumes.cpp: which containers have which volumes
  [[nodiscard]] std::vector<runtime::ReplicaVolume> volumes_of(const platform::AppId& app,
                                                               std::string_view type) const;
  /// What plan() has to know of them.
  void want_volumes(runtime::DesiredProcess& process,
                    const std::vector<platform::Volume>& all, std::string_view type) const;
  [[nodiscard]] Result<void> check_not_restored(const platform::AppId& app,
                                                std::string_view type) const;

  // controller_cron.cpp: what cron jobs are started with
  [[nodiscard]] CronPorts cron_ports();

  // controller_health.cpp: what health checks say
  /// Once it listens; `adopted`: from a server before us.
  void begin_checks(Replica& replica, bool adopted);
  void on_health(const runtime::ReplicaId& id,
                 const std::vector<runtime::Health::Notice>& notices);
  /// Ready in the sense of its checks, too.
  [[nodiscard]] runtime::ReplicaState state_of(const Replica& replica) const;
  void announce_ready(Replica& replica);
  /// Looks at everything that runs, now and then: who uses nearly all of its memory is told.
  void look_at_memory();
  void note_memory(const runtime::ReplicaId& id, const runtime::ReplicaStats& stats);
  /// "A larger size: berth ps:type …", behind R14 and R15.
  [[nodiscard]] static std::string larger_size(const runtime::ReplicaSpec& spec);
  /// What people should know of a replica that runs and gets no traffic, or nothing.
  [[nodiscard]] std::string health_message(const Replica& replica) const;

  // controller_actions.cpp: acting
  void act(const platform::App& app, const runtime::Action& action);
  void start_replica(const platform::App& app, const runtime::Slot& slot);

  // controller_crashes.cpp: what crashed and is to be tried again
  void show_crashes(const platform::AppId& app, AppRecord& record);
  /// At once, then; false if nothing of that name waits.
  [[nodiscard]] static bool retry_crashed(AppRecord& record, const std::string& name);

  // controller_turns.cpp: which of many replicas start first
  [[nodiscard]] bool may_start(const platform::App& app, const runtime::Slot& slot);
  [[nodiscard]] bool has_web(const platform::AppId& app) const;
  [[nodiscard]] std::size_t count_starting() const;
  /// Somebody waits for the app, who does not wait for others.
  void note_awaited(const platform::AppId& app);
  /// Something became ready or ended.
  void give_turns();

  // controller_placement.cpp: which pool a replica runs in
  [[nodiscard]] Result<void> measure_pools();
  /// Fills in what depends on the place. An error says why it cannot run anywhere.
  [[nodiscard]] Result<void> place(const platform::App& app, runtime::ReplicaSpec& spec);
  /// The pools, and what is declared in them but for that whose place `placed` takes, if any.
  [[nodiscard]] std::vector<runtime::Node> nodes(
      const runtime::ReplicaSpec* placed = nullptr) const;
  /// What it declares is taken from its pool.
  [[nodiscard]] static bool counts(const Replica& replica);
  [[nodiscard]] runtime::Rank rank_of(const runtime::ReplicaSpec& spec) const;
  void look_at_pools();
  /// The least of the machine's, and of the pools that the app may run in or still does.
  [[nodiscard]] runtime::Room room_for(const platform::App& app) const;

  [[nodiscard]] Result<runtime::ReplicaSpec> spec_of(const platform::App& app,
                                                     const platform::Release& release,
                                                     const std::string& type,
                                                     std::string_view size = {});
  [[nodiscard]] std::uint32_t first_uid_of(const platform::App& app) const;
  void launch(const runtime::ReplicaSpec& spec);
  void freeze(const runtime::ReplicaId& id);
  void thaw(const runtime::ReplicaId& id);
  /// Whether the machine's memory is so short that something has to go: what is frozen first, then
  /// previews, then what load has added.
  void look_at_room(const std::vector<platform::App>& apps);
  void let_previews_yield(const std::vector<platform::App>& apps);
  void stop_now(const runtime::ReplicaId& id);
  void forget(const runtime::ReplicaId& id);
  void settle(const platform::App& app, const runtime::SettleRelease& outcome);
  void route(const platform::App& app, AppRecord& record, const runtime::Plan& plan,
             int canary_share);
  void publish(const Replica& replica, std::string_view state = {});
  [[nodiscard]] api::ReplicaView view_of(const Replica& replica) const;

  ControllerParts parts_;
  runtime::SchedulerPolicy policy_;
  runtime::StartTurns turns_;
  std::map<runtime::ReplicaId, Replica> replicas_;
  std::map<platform::AppId, AppRecord> apps_;
  std::vector<Waiter> waiters_;
  std::vector<std::pair<platform::AppId, std::function<void()>>> postdeploy_waiters_;
  HealthWatch health_;
  CronJobs cron_;
  std::function<void(const platform::AppId&)> after_look_;
  boost::asio::steady_timer tick_timer_;
  Time started_at_{};
  bool stopped_ = false;
  bool looking_ = false;  ///< at memory
  bool memory_tight_ = false;
  Time memory_short_until_{};  ///< it was a moment ago
  runtime::Room room_ = runtime::Room::enough;  ///< for what scales with load
  struct PoolRoom {
    runtime::Room room = runtime::Room::enough;
    Time short_until{};
  };
  std::vector<runtime::Node> pools_;  ///< with nothing in them
  std::map<std::string, PoolRoom> pool_rooms_;
  std::shared_ptr<bool> alive_;  ///< for callbacks that may come after the end
};

}  // namespace berth::server
