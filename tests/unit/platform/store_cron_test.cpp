// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};
constexpr Time start{std::chrono::seconds(1'764'000'000)};

struct Fixture {
  Store store = *Store::open_in_memory(SecretBox::ephemeral());
  App app = *store.create_app(*AppName::parse("shop"), ada);
  CronJob job{.name = "daily", .command = "x", .schedule = "@daily"};

  CronRecord sync(Time at) {
    const auto all = store.sync_cron_jobs(app.id, {job}, at);
    REQUIRE(all.size() == 1);
    return all.front();
  }
  CronRun run(CronRun::Status status = CronRun::Status::running) {
    return {.app = app.id, .job = "daily", .status = status, .started_at = start};
  }
};

TEST_CASE_FIXTURE(Fixture, "a cron job is decided from its first release on, and anew when its "
                           "schedule or zone changes") {
  CHECK(sync(start) == CronRecord{"daily", std::nullopt, start});
  CHECK(sync(start + 1h).decided_until == start);
  job.command = "y";
  CHECK(sync(start + 2h).decided_until == start);
  job.timezone = "Europe/Berlin";
  CHECK(sync(start + 3h).decided_until == start + 3h);
}

TEST_CASE_FIXTURE(Fixture, "a job that goes and comes back missed nothing, and stays suspended") {
  (void)sync(start);
  store.suspend_cron_job(app.id, "daily", true, start, ada);
  CHECK(store.sync_cron_jobs(app.id, {}, start + 1h).empty());
  CHECK(sync(start + 2h) == CronRecord{"daily", true, start + 2h});
}

TEST_CASE_FIXTURE(Fixture, "a run and until when its job is decided are kept in one step") {
  (void)sync(start);
  const auto id = store.add_cron_run(run(), start + 5min);
  CHECK(sync(start + 1h).decided_until == start + 5min);
  CHECK(store.cron_runs_that_run().size() == 1);
  store.end_cron_run(id, CronRun::Status::failed, "exited with status 3", 3, start + 6min);
  store.end_cron_run(id, CronRun::Status::succeeded, "", 0, start + 7min);  // it has ended
  CHECK(store.cron_runs_that_run().empty());
  const auto runs = store.cron_runs(app.id, "daily");
  REQUIRE(runs.size() == 1);
  CHECK(runs.front().status == CronRun::Status::failed);
  CHECK(runs.front().exit_code == 3);
  CHECK(runs.front().ended_at == start + 6min);
}

TEST_CASE_FIXTURE(Fixture, "the history of a job is bounded, and no run under way leaves it") {
  (void)sync(start);
  const auto running = store.add_cron_run(run(), {});
  for (int i = 0; i < 60; ++i) (void)store.add_cron_run(run(CronRun::Status::skipped), {});
  const auto runs = store.cron_runs(app.id, "daily");
  CHECK(runs.size() == 51);
  CHECK(runs.back().id == running);
  CHECK(store.cron_runs(app.id, "other").empty());
  CHECK(store.cron_runs(app.id, "daily", 3).size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "who suspends, resumes and runs a job stands in the audit log") {
  (void)sync(start);
  store.suspend_cron_job(app.id, "daily", true, start, ada);
  store.suspend_cron_job(app.id, "daily", false, start + 1h, ada);
  CHECK(sync(start + 2h) == CronRecord{"daily", false, start + 1h});
  CronRun by_hand = run();
  by_hand.user = ada.user;
  (void)store.add_cron_run(by_hand, {});
  (void)store.add_cron_run(run(), start + 1h);
  std::string kinds;
  for (const Event& event : store.events(0, 100, app.id)) kinds += event.kind + " ";
  CHECK(kinds == "app.create cron.suspend cron.resume cron.run ");
}

TEST_CASE_FIXTURE(Fixture, "with an app go its cron jobs and their history") {
  (void)sync(start);
  (void)store.add_cron_run(run(), {});
  REQUIRE(store.destroy_app(app.id, ada).has_value());
  CHECK(store.cron_runs_that_run().empty());
}

}  // namespace
}  // namespace berth::platform
