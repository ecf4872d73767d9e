// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/cron_world.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/cron/next_time.hpp"

namespace berth::sim {

using platform::CronJob;
using platform::CronRun;

namespace {

const platform::Actor ada{"ada@example.com"};
const runtime::CronPolicy policy;
constexpr std::array schedules = {"* * * * *", "*/5 * * * *", "30 * * * *", "0 */2 * * *",
                                  "15 2,3 * * *", "@daily"};
constexpr std::array zones = {"UTC", "Europe/Berlin", "Australia/Lord_Howe"};

platform::Store make_store() {
  return *platform::Store::open_in_memory(SecretBox::ephemeral());
}

}  // namespace

CronWorld::CronWorld(std::uint64_t seed, bool plant_bug)
    : random_(seed), plant_bug_(plant_bug), store_(make_store()) {
  app_ = store_.create_app(*platform::AppName::parse("shop"), ada)->id;
  deploy();
}

void CronWorld::run() {
  start_server();
  for (int i = 0; i < 400; ++i) {
    step();
    if (random_.chance(0.15)) fault();
  }
  calm();
}

CronJob CronWorld::random_job(const std::string& name) {
  CronJob job{.name = name,
              .command = "x",
              .schedule = schedules[random_.next() % schedules.size()],
              .timezone = zones[random_.next() % zones.size()]};
  job.concurrency = static_cast<CronJob::Concurrency>(random_.between(0, 2));
  job.missed = static_cast<CronJob::Missed>(random_.between(0, 1));
  job.suspend = random_.chance(0.1);
  job.timeout = std::chrono::seconds(random_.between(30, 4000));
  return job;
}

void CronWorld::deploy() {
  std::vector<CronJob> now;
  for (const char* name : {"a", "b", "c"}) {
    const auto known = jobs_.find(name);
    if (random_.chance(0.15)) continue;
    now.push_back(known != jobs_.end() && random_.chance(0.7) ? known->second : random_job(name));
  }
  // What is new, or has another schedule, begins anew.
  std::map<std::string, CronJob> after;
  for (const CronJob& job : now) {
    const auto before = jobs_.find(job.name);
    if (before == jobs_.end() || before->second.schedule != job.schedule ||
        before->second.timezone != job.timezone)
      started_.erase(job.name);
    after[job.name] = job;
  }
  jobs_ = std::move(after);
  platform::NewRelease release{.image = "sha256:x", .description = "Deploy"};
  release.app_json.cron = now;
  const auto made = store_.create_release(app_, release, ada);
  store_.settle_release(made->id, platform::ReleaseStatus::succeeded, "");
  tell("deploy of " + std::to_string(now.size()) + " jobs");
}

server::CronPorts CronWorld::ports() {
  return {.prepare = [this](const platform::AppId&, const CronJob& job)
              -> Result<server::CronPorts::Prepared> {
            if (!calm_ && random_.chance(0.05)) throw Crash{};
            if (!calm_ && random_.chance(0.05)) return Error{ErrorKind::io, "no image"};
            const std::string id = "r" + std::to_string(++replicas_);
            return server::CronPorts::Prepared{.replica = id,
                                               .process = "cron." + job.name + ".1",
                                               .start = [this, id, job] { on_start(id, job); },
                                               .cancel = [] {}};
          },
          .stop =
              [this](const std::string& replica) {
                if (!calm_ && random_.chance(0.05)) throw Crash{};
                if (const auto found = engine_.find(replica); found != engine_.end()) {
                  found->second.stopping = true;
                  found->second.takes = real_ - found->second.started +
                                        random_.between(Duration(0), Duration(policy.stop_grace));
                }
              },
          .log = [](const auto&, const auto&, const auto&) {}};
}

void CronWorld::on_start(const std::string& id, const CronJob& job) {
  if (!calm_ && random_.chance(0.05)) throw Crash{};
  for (const auto& [other, replica] : engine_)
    if (replica.job == job.name && job.concurrency != CronJob::Concurrency::allow)
      throw CronBroken("two runs of " + job.name + " at once");
  const auto runs = store_.cron_runs(app_, job.name, 1);
  if (runs.empty() || runs.front().replica != id)
    throw CronBroken(job.name + " starts before the store knows of it");
  const CronRun& run = runs.front();
  tell("start " + id + " of " + job.name + " for " + rfc3339(*run.scheduled_at));
  if (!started_[job.name].insert(*run.scheduled_at).second)
    throw CronBroken(job.name + " runs twice for " + rfc3339(*run.scheduled_at));
  const bool replaces = job.concurrency == CronJob::Concurrency::replace;
  const Duration late = policy.on_time + (replaces ? policy.stop_grace : Duration(0));
  if (job.missed == CronJob::Missed::skip && wall() - *run.scheduled_at > late)
    throw CronBroken(job.name + " makes up for a time that was missed");
  engine_[id] = {.job = job.name,
                 .started = real_,
                 .takes = random_.between(Duration(1s), Duration(5000s))};
  if (!calm_ && random_.chance(0.05)) throw Crash{};
}

void CronWorld::start_server() {
  server_ = std::make_unique<server::CronJobs>(store_, ports(), policy);
  std::set<std::string> known;
  for (const auto& [id, replica] : engine_) known.insert(id);
  for (const auto& [id, replica] : ended_untold_) known.insert(id);
  server_->adopt(known, wall());
  server_->refresh(app_, wall());
  for (const auto& [id, replica] : std::exchange(ended_untold_, {}))
    server_->ended(id, true, 0, "", wall());
}

void CronWorld::crash() {
  server_.reset();
  down_until_ = real_ + random_.between(Duration(1s), random_.chance(0.2) ? 20h : 3min);
  tell("server down until " + rfc3339(down_until_));
}

void CronWorld::engine_step() {
  std::vector<std::string> gone;
  for (const auto& [id, replica] : engine_)
    if (real_ - replica.started >= replica.takes) gone.push_back(id);
  for (const std::string& id : gone) {
    const Replica replica = engine_.at(id);
    engine_.erase(id);
    tell("end of " + id);
    if (server_)
      server_->ended(id, !replica.stopping, 0, "", wall());
    else
      ended_untold_[id] = replica;
  }
}

void CronWorld::step() {
  real_ += random_.between(Duration(1s), Duration(20s));
  // Nothing happens for a while: the next thing that does.
  if (random_.chance(0.05)) real_ += random_.between(Duration(1min), Duration(2h));
  engine_step();
  if (!server_ && real_ >= down_until_) start_server();
  if (!server_) return;
  try {
    if (plant_bug_ && random_.chance(0.02)) store_.set_cron_decided(app_, "a", wall() - 10min);
    server_->refresh(app_, wall());
    server_->tick(wall());
  } catch (const Crash&) {
    crash();
  }
  check();
}

void CronWorld::fault() {
  switch (random_.between(0, 4)) {
    case 0: crash(); break;
    case 1: {
      Duration jump = random_.between(Duration(1s), random_.chance(0.3) ? 72h : 2h);
      if (random_.chance(0.5)) jump = -jump;
      latest_ = std::max(latest_, wall());
      offset_ += jump;
      tell("clock is " + rfc3339(wall()));
      // It was wrong by hours, in one step or several, and is believed now: times may come again.
      if (latest_ > wall() + policy.clock_back) {
        started_.clear();
        latest_ = wall();
      }
      break;
    }
    case 2: deploy(); break;
    default: {
      if (!server_ || jobs_.empty()) break;
      const std::string name = jobs_.begin()->first;
      const bool on = random_.chance(0.3);
      server_->refresh(app_, wall());
      if (server_->suspend(app_, name, on, ada, wall()).has_value())
        tell((on ? "suspend " : "resume ") + name);
      break;
    }
  }
}

void CronWorld::check() {
  std::map<std::string, int> running;
  for (const auto& run : store_.cron_runs_that_run()) ++running[run.job];
  for (const auto& [id, replica] : engine_)
    if (--running[replica.job] < 0)
      throw CronBroken(id + " runs, and the history does not say so");
  for (const auto& [job, more] : running)
    if (more > 0 && server_)
      throw CronBroken("the history says that " + job + " runs, and it does not");
}

void CronWorld::calm() {
  calm_ = true;
  tell("calm");
  if (!server_) {
    real_ = std::max(real_, down_until_);
    start_server();
  }
  server_->refresh(app_, wall());
  server_->tick(wall());
  const Time from = wall();
  // What was decided when the clock was ahead, if only left out in silence, stays decided.
  std::map<std::string, Time> decided;
  std::vector<CronJob> jobs;
  for (const auto& [name, job] : jobs_) jobs.push_back(job);
  for (const auto& kept : store_.sync_cron_jobs(app_, jobs, from))
    if (kept.decided_until <= from + policy.clock_back)
      decided[kept.job] = std::max(kept.decided_until, from);
  const Time real_from = real_;
  const Duration lasts = random_.chance(0.1) ? 26h : 2h;
  while (real_ < real_from + lasts) {
    // Straight to where something happens, so that hours cost nothing.
    Time next = real_ + 30min;
    for (const auto& view : server_->jobs(app_))
      if (view.next && *view.next > wall()) next = std::min(next, real_ + (*view.next - wall()));
    for (const auto& [id, replica] : engine_)
      next = std::min(next, replica.started + replica.takes);
    real_ = std::max(next, real_ + 1s);
    engine_step();
    server_->tick(wall());
    check();
  }
  for (const auto& view : server_->jobs(app_)) {
    if (view.suspended) continue;
    const auto zone = *find_time_zone(view.job.timezone);
    const auto schedule = *platform::parse_cron_schedule(view.job.schedule);
    const Time since = decided.contains(view.job.name) ? decided[view.job.name] : from;
    Time expected = since;
    for (Time at = runtime::next_time(schedule, zone, since); at <= wall() - 2min;
         at = runtime::next_time(schedule, zone, at))
      expected = at;
    if (expected == since) continue;
    bool known = false;
    for (const auto& run : store_.cron_runs(app_, view.job.name))
      known = known || (run.scheduled_at && *run.scheduled_at >= expected);
    if (!known)
      throw CronBroken(view.job.name + ": nothing became of " + rfc3339(expected));
  }
}

void CronWorld::tell(const std::string& text) { story_.push_back(rfc3339(wall()) + " " + text); }

}  // namespace berth::sim
