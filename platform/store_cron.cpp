// SPDX-License-Identifier: Apache-2.0
//
// Cron jobs: until when their times are decided, and what became of them.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr int kept_of_job = 50;
constexpr int kept_of_app = 1000;

using Status = CronRun::Status;
using StatusName = std::pair<Status, std::string_view>;
constexpr std::array<StatusName, 4> status_names = {{{Status::running, "running"},
                                                     {Status::succeeded, "succeeded"},
                                                     {Status::failed, "failed"},
                                                     {Status::skipped, "skipped"}}};

constexpr std::string_view run_columns =
    "SELECT id, app, job, status, scheduled_at, user, replica, process, reason, exit_code, "
    "started_at, ends_by, ended_at FROM cron_runs ";

CronRun read_run(const Statement& row) {
  CronRun run{.id = row.integer(0),
              .app = AppId(row.text(1)),
              .job = row.text(2),
              .scheduled_at = optional_time_of(row, 4),
              .user = row.text(5),
              .replica = row.text(6),
              .process = row.text(7),
              .reason = row.text(8),
              .started_at = time_of(row, 10),
              .ends_by = time_of(row, 11),
              .ended_at = optional_time_of(row, 12)};
  if (!row.is_null(9)) run.exit_code = static_cast<int>(row.integer(9));
  for (const auto& [status, name] : status_names)
    if (row.text(3) == name) run.status = status;
  return run;
}

/// What decides when a job is due; empty for one that the release does not have.
std::string schedule_of(const CronJob& job) { return job.timezone + " " + job.schedule; }

std::optional<std::int64_t> optional_column(std::optional<Time> time) {
  return time ? std::optional(column(*time)) : std::nullopt;
}

}  // namespace

std::string_view name_of(CronRun::Status status) {
  return std::ranges::find(status_names, status, &StatusName::first)->second;
}

std::vector<CronRecord> Store::sync_cron_jobs(const AppId& app, const std::vector<CronJob>& jobs,
                                              Time at) {
  std::map<std::string, std::string> known;
  {
    Statement rows = database_.prepare("SELECT job, schedule FROM cron_jobs WHERE app = ?");
    rows.bind(app.value);
    while (rows.step()) known[rows.text(0)] = rows.text(1);
  }
  std::map<std::string, std::string> changed;
  for (const CronJob& job : jobs) {
    const auto found = known.find(job.name);
    const std::string schedule = schedule_of(job);
    if (found == known.end() || found->second != schedule) changed[job.name] = schedule;
    if (found != known.end()) known.erase(found);
  }
  for (const auto& [gone, schedule] : known)
    if (!schedule.empty()) changed[gone] = {};
  if (!changed.empty()) {
    Change change(*this);
    for (const auto& [job, schedule] : changed)
      database_
          .prepare("INSERT INTO cron_jobs (app, job, schedule, decided_until) VALUES (?1,?2,?3,?4) "
                   "ON CONFLICT DO UPDATE SET schedule = ?3, decided_until = ?4")
          .bind(app.value).bind(job).bind(schedule).bind(column(at)).run();
    change.commit();
  }
  std::vector<CronRecord> result;
  Statement rows = database_.prepare(
      "SELECT job, suspended, decided_until FROM cron_jobs WHERE app = ? AND schedule != ''");
  rows.bind(app.value);
  while (rows.step())
    result.push_back({.job = rows.text(0),
                      .suspended = rows.is_null(1) ? std::nullopt : std::optional(rows.boolean(1)),
                      .decided_until = time_of(rows, 2)});
  return result;
}

std::int64_t Store::add_cron_run(const CronRun& run, std::optional<Time> decided_until) {
  Change change(*this);
  database_
      .prepare("INSERT INTO cron_runs (app, job, status, scheduled_at, user, replica, process, "
               "reason, started_at, ends_by, ended_at) VALUES (?,?,?,?,?,?,?,?,?,?,?)")
      .bind(run.app.value).bind(run.job).bind(name_of(run.status))
      .bind(optional_column(run.scheduled_at)).bind(run.user).bind(run.replica).bind(run.process)
      .bind(run.reason).bind(column(run.started_at)).bind(column(run.ends_by))
      .bind(optional_column(run.ended_at)).run();
  const std::int64_t id = database_.last_insert_id();
  if (decided_until)
    database_.prepare("UPDATE cron_jobs SET decided_until = ? WHERE app = ? AND job = ?")
        .bind(column(*decided_until)).bind(run.app.value).bind(run.job).run();
  database_
      .prepare("DELETE FROM cron_runs WHERE app = ?1 AND job = ?2 AND status != 'running' AND id "
               "NOT IN (SELECT id FROM cron_runs WHERE app = ?1 AND job = ?2 ORDER BY id DESC "
               "LIMIT ?3)")
      .bind(run.app.value).bind(run.job).bind(kept_of_job).run();
  // Of jobs that are gone, too.
  database_
      .prepare("DELETE FROM cron_runs WHERE app = ?1 AND status != 'running' AND id NOT IN (SELECT "
               "id FROM cron_runs WHERE app = ?1 ORDER BY id DESC LIMIT ?2)")
      .bind(run.app.value).bind(kept_of_app).run();
  if (!run.user.empty())
    change.event(run.app, run.user, "cron.run", "ran cron job " + run.job);
  change.commit();
  return id;
}

void Store::set_cron_decided(const AppId& app, std::string_view job, Time until) {
  Change change(*this);
  database_.prepare("UPDATE cron_jobs SET decided_until = ? WHERE app = ? AND job = ?")
      .bind(column(until)).bind(app.value).bind(job).run();
  change.commit();
}

void Store::end_cron_run(std::int64_t id, Status status, std::string_view reason,
                         std::optional<int> exit_code, Time at) {
  Change change(*this);
  database_
      .prepare("UPDATE cron_runs SET status = ?, reason = ?, exit_code = ?, ended_at = ? "
               "WHERE id = ? AND status = 'running'")
      .bind(name_of(status)).bind(reason).bind(exit_code).bind(column(at)).bind(id).run();
  change.commit();
}

void Store::suspend_cron_job(const AppId& app, std::string_view job, bool suspended, Time at,
                             const Actor& actor) {
  Change change(*this);
  database_
      .prepare("UPDATE cron_jobs SET suspended = ?, decided_until = MAX(decided_until, ?) "
               "WHERE app = ? AND job = ?")
      .bind(suspended).bind(column(at)).bind(app.value).bind(job).run();
  change.event(app, actor.user, suspended ? "cron.suspend" : "cron.resume",
               (suspended ? "suspended cron job " : "resumed cron job ") + std::string(job));
  change.commit();
}

std::vector<CronRun> Store::cron_runs(const AppId& app, std::string_view job, int most) {
  std::vector<CronRun> result;
  Statement rows = database_.prepare(
      std::string(run_columns) +
      "WHERE app = ?1 AND (?2 = '' OR job = ?2) ORDER BY id DESC LIMIT ?3");
  rows.bind(app.value).bind(job).bind(most);
  while (rows.step()) result.push_back(read_run(rows));
  return result;
}

std::vector<CronRun> Store::cron_runs_that_run() {
  std::vector<CronRun> result;
  Statement rows =
      database_.prepare(std::string(run_columns) + "WHERE status = 'running' ORDER BY id");
  while (rows.step()) result.push_back(read_run(rows));
  return result;
}

}  // namespace berth::platform
