// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// The app "hello" with one cron job, which has failed once.
platform::App app_with_job(ApiFixture& api) {
  const platform::App app = api.deployed_app("hello");
  api.on_strand([&] {
    api.control.shown_cron_jobs[app.id.value] = {
        {.job = {.name = "daily", .command = "bin/report", .schedule = "@daily"},
         .suspended = false,
         .next = parse_rfc3339("2026-11-27T00:00:00Z").value()}};
    const Time at = parse_rfc3339("2026-11-26T00:00:00Z").value();
    const auto id = api.store.add_cron_run({.app = app.id,
                                            .job = "daily",
                                            .scheduled_at = at,
                                            .process = "cron.daily.1",
                                            .started_at = at,
                                            .ends_by = at + 1h},
                                           {});
    api.store.end_cron_run(id, platform::CronRun::Status::failed, "exited with status 3", 3,
                           at + 90s);
  });
  return app;
}

}  // namespace

TEST_CASE("a cron job is shown with its next time and its last run") {
  ApiFixture api;
  (void)app_with_job(api);
  const auto all = body_of(api.call("GET", "/apps/hello/cron-jobs"));
  CHECK(text_at(all, "/0/schedule") == "@daily");
  CHECK(text_at(all, "/0/timezone") == "UTC");
  CHECK(text_at(all, "/0/next_run_at") == "2026-11-27T00:00:00Z");
  CHECK(text_at(all, "/0/last_run/status") == "failed");
  CHECK(text_at(all, "/0/last_run/exit_code") == "3");
  CHECK(body_of(api.call("GET", "/apps/hello/cron-jobs/daily")) == all.at(0));
  const auto runs = body_of(api.call("GET", "/apps/hello/cron-jobs/daily/runs"));
  CHECK(text_at(runs, "/0/seconds") == "9E1");
  CHECK(body_of(api.call("GET", "/apps/hello/cron-runs")) == runs);
}

TEST_CASE("a cron job is suspended, resumed and run by hand, in the caller's name") {
  ApiFixture api;
  (void)app_with_job(api);
  api.on_strand([&] { api.control.calls.clear(); });
  const auto suspended =
      api.call("PATCH", "/apps/hello/cron-jobs/daily", R"({"suspended":true})");
  CHECK(suspended.status == 200);
  CHECK(text_at(body_of(suspended), "/suspended") == "true");
  const auto run = api.call("POST", "/apps/hello/cron-jobs/daily/actions/run", "{}");
  CHECK(run.status == 201);
  CHECK(text_at(body_of(run), "/process") == "cron.daily.1");
  const auto calls = api.on_strand([&] { return api.control.calls; });
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].starts_with("suspend daily for "));
  CHECK(calls[1].starts_with("run cron job daily for "));
  CHECK(api.call("PATCH", "/apps/hello/cron-jobs/daily", "{}").status == 422);
}

TEST_CASE("a job that is not there is refused with those that are") {
  ApiFixture api;
  (void)app_with_job(api);
  const auto refused = api.call("POST", "/apps/hello/cron-jobs/weekly/actions/run", "{}");
  CHECK(refused.status == 404);
  CHECK(text_at(body_of(refused), "/message") ==
        "the app has no cron job 'weekly'. It has: daily");
  api.deployed_app("plain");
  CHECK(text_at(body_of(api.call("PATCH", "/apps/plain/cron-jobs/x", R"({"suspended":true})")),
                "/message") ==
        "the app has no cron job 'x': the app.json of the release that serves has none");
}
