// SPDX-License-Identifier: Apache-2.0
#include "server/cron_jobs.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "runtime/cron/next_time.hpp"

namespace berth::server {

using platform::AppId;
using platform::CronJob;
using platform::CronRun;
using What = runtime::CronDecision::What;

namespace {

constexpr Duration blocked_pause = 5s;  ///< until a full disk is tried again

}  // namespace

void CronJobs::adopt(const std::set<std::string>& replicas, Time now) {
  for (const CronRun& run : store_.cron_runs_that_run()) {
    if (replicas.contains(run.replica))
      running_[run.replica] = {run.id, run.app, run.job, run.process, run.ends_by, {}};
    else
      store_.end_cron_run(run.id, CronRun::Status::failed,
                          "was lost: the platform ended while it ran or started", {}, now);
  }
}

void CronJobs::refresh(const AppId& app, Time now) {
  const auto release = store_.serving_release(app);
  const auto found = apps_.find(app);
  const platform::ReleaseId known = found == apps_.end() ? platform::ReleaseId()
                                                         : found->second.release;
  if ((release ? release->id : platform::ReleaseId()) != known) load(app, now);
}

void CronJobs::load(const AppId& id, Time now) {
  const auto release = store_.serving_release(id);
  if (!release) return;
  App app{.release = release->id, .jobs = {}};
  std::vector<platform::CronRecord> kept;
  try {
    kept = store_.sync_cron_jobs(id, release->app_json.cron, now);
  } catch (const DatabaseFull& full) {
    log_error("cron jobs of {}: {}", id.value, full.what());
    return;  // with the next look
  }
  for (const CronJob& job : release->app_json.cron) {
    const auto record = std::ranges::find(kept, job.name, &platform::CronRecord::job);
    auto schedule = platform::parse_cron_schedule(job.schedule);
    const auto zone = find_time_zone(job.timezone);
    if (record == kept.end() || schedule.has_error() || zone.has_error()) {
      ports_.log(id, "cron." + job.name,
                 "It is never due: " + (zone.has_error() ? "timezone " + zone.error().message
                                                         : "its schedule is not understood"));
      continue;
    }
    app.jobs.push_back({.job = job,
                        .schedule = *schedule,
                        .zone = *zone,
                        .suspended = record->suspended.value_or(job.suspend),
                        .decided_until = record->decided_until,
                        .next = Time{}});
  }
  apps_[id] = std::move(app);
}

void CronJobs::app_destroyed(const AppId& app) {
  apps_.erase(app);
  std::erase_if(running_, [&](const auto& entry) { return entry.second.app == app; });
}

void CronJobs::tick(Time now) {
  const bool set_back = now < std::exchange(last_tick_, now);
  for (auto& [replica, running] : running_)
    if (now >= running.ends_by) end(replica, running, "ran for longer than its timeout");
  for (auto& [app, entry] : apps_)
    for (Job& job : entry.jobs)
      if (set_back || now >= job.next) decide(app, job, now);
}

void CronJobs::decide(const AppId& app, Job& job, Time now) {
  const runtime::CronState state{.job = job.job,
                                 .schedule = job.schedule,
                                 .zone = job.zone,
                                 .suspended = job.suspended,
                                 .decided_until = job.decided_until,
                                 .running = running_of(app, job.job.name)};
  const runtime::CronDecision decision = runtime::decide_cron(state, policy_, now);
  job.next = decision.next;
  try {
    switch (decision.what) {
      case What::wait:
        if (decision.decided_until != job.decided_until)
          store_.set_cron_decided(app, job.job.name, decision.decided_until);
        break;
      case What::start: {
        const auto started = start(app, job, {.scheduled_at = decision.scheduled_at},
                                   decision.decided_until, now);
        if (started.has_error())
          ports_.log(app, "cron." + job.job.name, "Cannot start: " + started.error().message);
        break;
      }
      case What::skip: skip(app, job, decision, now); break;
      case What::end_running:
        for (auto& [replica, running] : running_)
          if (running.app == app && running.job == job.job.name)
            end(replica, running, "was replaced by the next run");
        break;
    }
    job.decided_until = decision.decided_until;
  } catch (const DatabaseFull& full) {
    // Nothing was decided, and nothing has started.
    log_error("cron job {} of {}: {}", job.job.name, app.value, full.what());
    job.next = now + blocked_pause;
  }
}

Result<CronRun> CronJobs::start(const AppId& app, const Job& job, CronRun run,
                                std::optional<Time> decided_until, Time now) {
  run.app = app;
  run.job = job.job.name;
  run.started_at = now;
  run.ends_by = now + job.job.timeout;
  auto prepared = ports_.prepare(app, job.job);
  if (prepared.has_error()) {
    run.status = CronRun::Status::failed;
    run.reason = "cannot start: " + prepared.error().message;
    run.ended_at = now;
    run.id = store_.add_cron_run(run, decided_until);
    return prepared.error();
  }
  run.replica = prepared->replica;
  run.process = prepared->process;
  try {
    run.id = store_.add_cron_run(run, decided_until);
  } catch (const DatabaseFull&) {
    prepared->cancel();
    throw;
  }
  running_[run.replica] = {run.id, app, run.job, run.process, run.ends_by, {}};
  prepared->start();
  return run;
}

void CronJobs::skip(const AppId& app, const Job& job, const runtime::CronDecision& decision,
                    Time now) {
  (void)store_.add_cron_run({.app = app,
                             .job = job.job.name,
                             .status = CronRun::Status::skipped,
                             .scheduled_at = decision.scheduled_at,
                             .reason = decision.why,
                             .started_at = now,
                             .ends_by = now,
                             .ended_at = now},
                            decision.decided_until);
  ports_.log(app, "cron." + job.job.name, "Skipped: " + decision.why);
}

void CronJobs::end(const std::string& replica, Running& running, const std::string& why) {
  if (!running.ended_because.empty()) return;
  running.ended_because = why;
  ports_.log(running.app, running.process, "Stopping: it " + why);
  ports_.stop(replica);
}

void CronJobs::ended(const std::string& replica, bool succeeded, std::optional<int> exit_code,
                     const std::string& message, Time now) {
  const auto found = running_.find(replica);
  if (found == running_.end()) return;
  const Running running = found->second;
  running_.erase(found);
  const bool well = succeeded && running.ended_because.empty();
  try {
    store_.end_cron_run(running.run, well ? CronRun::Status::succeeded : CronRun::Status::failed,
                        well                            ? ""
                        : running.ended_because.empty() ? message
                                                        : running.ended_because,
                        exit_code, now);
  } catch (const DatabaseFull& full) {
    // The next server finds it without a replica.
    log_error("cron job {} of {}: {}", running.job, running.app.value, full.what());
  }
  if (const auto job = find(running.app, running.job); job.has_value()) (*job)->next = Time{};
}

std::size_t CronJobs::running_of(const AppId& app, const std::string& job) const {
  return static_cast<std::size_t>(std::ranges::count_if(running_, [&](const auto& entry) {
    return entry.second.app == app && entry.second.job == job;
  }));
}

Result<CronJobs::Job*> CronJobs::find(const AppId& app, const std::string& name) {
  std::string known;
  if (const auto found = apps_.find(app); found != apps_.end())
    for (Job& job : found->second.jobs) {
      if (job.job.name == name) return &job;
      known += (known.empty() ? "" : ", ") + job.job.name;
    }
  return Error{ErrorKind::not_found,
               "the app has no cron job '" + name.substr(0, 60) + "'" +
                   (known.empty() ? ": the app.json of the release that serves has none"
                                  : ". It has: " + known)};
}

std::vector<CronJobs::View> CronJobs::jobs(const AppId& app) const {
  std::vector<View> result;
  if (const auto found = apps_.find(app); found != apps_.end())
    for (const Job& job : found->second.jobs)
      result.push_back({.job = job.job,
                        .suspended = job.suspended,
                        .next = job.suspended ? std::nullopt
                                              : std::optional(runtime::next_time(
                                                    job.schedule, job.zone, job.decided_until))});
  return result;
}

Result<CronRun> CronJobs::run_now(const AppId& app, const std::string& name,
                                  const platform::Actor& actor, Time now) {
  BERTH_ASSIGN(const Job* job, find(app, name));
  if (job->job.concurrency != CronJob::Concurrency::allow)
    for (const auto& [replica, running] : running_)
      if (running.app == app && running.job == name)
        return Error{ErrorKind::conflict, name + " runs already, as " + running.process +
                                              ". `berth ps:stop " + running.process +
                                              "` ends it"};
  return start(app, *job, {.user = actor.user}, std::nullopt, now);
}

Result<void> CronJobs::suspend(const AppId& app, const std::string& name, bool suspended,
                               const platform::Actor& actor, Time now) {
  BERTH_ASSIGN(const Job* job, find(app, name));
  if (job->suspended == suspended) return {};
  store_.suspend_cron_job(app, name, suspended, now, actor);
  load(app, now);
  return {};
}

}  // namespace berth::server
