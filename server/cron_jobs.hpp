// SPDX-License-Identifier: Apache-2.0
//
// The cron jobs of all apps: knows those of the releases that serve, asks decide_cron() when a time
// has come, and keeps in the store what became of it before anything starts. What it starts are
// one-offs, through its ports. Used on the strand.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "platform/store.hpp"
#include "runtime/cron/decide_cron.hpp"

namespace berth::server {

struct CronPorts {
  /// A one-off that is ready to start. Exactly one of its functions is called.
  struct Prepared {
    std::string replica;  ///< its id
    std::string process;  ///< "cron.daily.1"
    std::function<void()> start;  ///< ended() follows, whatever happens
    std::function<void()> cancel;
  };
  std::function<Result<Prepared>(const platform::AppId&, const platform::CronJob&)> prepare;
  std::function<void(const std::string& replica)> stop;
  std::function<void(const platform::AppId&, const std::string& process, const std::string& text)>
      log;
};

class CronJobs final {
 public:
  /// A job of the serving release.
  struct View {
    platform::CronJob job;
    bool suspended = false;
    std::optional<Time> next;  ///< when it is due, if it is not suspended
  };

  CronJobs(platform::Store& store, CronPorts ports, runtime::CronPolicy policy = {})
      : store_(store), ports_(std::move(ports)), policy_(policy) {}

  /// Before anything else: runs of a server before us whose replica is not there were lost.
  void adopt(const std::set<std::string>& replicas, Time now);
  /// What the serving release says may have changed.
  void refresh(const platform::AppId& app, Time now);
  void app_destroyed(const platform::AppId& app);
  /// Once a second or so.
  void tick(Time now);
  void ended(const std::string& replica, bool succeeded, std::optional<int> exit_code,
             const std::string& message, Time now);

  [[nodiscard]] std::vector<View> jobs(const platform::AppId& app) const;
  [[nodiscard]] Result<platform::CronRun> run_now(const platform::AppId& app,
                                                  const std::string& job,
                                                  const platform::Actor& actor, Time now);
  [[nodiscard]] Result<void> suspend(const platform::AppId& app, const std::string& job,
                                     bool suspended, const platform::Actor& actor, Time now);

 private:
  struct Job {
    platform::CronJob job;
    platform::CronSchedule schedule;
    TimeZone zone;
    bool suspended = false;
    Time decided_until{};
    Time next{};  ///< when to decide again
  };
  struct App {
    platform::ReleaseId release;
    std::vector<Job> jobs;
  };
  struct Running {
    std::int64_t run = 0;
    platform::AppId app;
    std::string job;
    std::string process;
    Time ends_by{};
    std::string ended_because;  ///< by us
  };

  void load(const platform::AppId& app, Time now);
  void decide(const platform::AppId& app, Job& job, Time now);
  [[nodiscard]] Result<platform::CronRun> start(const platform::AppId& app, const Job& job,
                                                platform::CronRun run,
                                                std::optional<Time> decided_until, Time now);
  void skip(const platform::AppId& app, const Job& job, const runtime::CronDecision& decision,
            Time now);
  void end(const std::string& replica, Running& running, const std::string& why);
  [[nodiscard]] std::size_t running_of(const platform::AppId& app, const std::string& job) const;
  [[nodiscard]] Result<Job*> find(const platform::AppId& app, const std::string& job);

  platform::Store& store_;
  CronPorts ports_;
  runtime::CronPolicy policy_;
  std::map<platform::AppId, App> apps_;
  std::map<std::string, Running> running_;  ///< by replica
  Time last_tick_{};
};

}  // namespace berth::server
