// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "runtime/cron/decide_cron.hpp"
#include "runtime/cron/next_time.hpp"

namespace berth::runtime {
namespace {

using platform::CronJob;

Time at(std::string_view text) { return *parse_rfc3339(text); }

/// The next times after one, as a text.
std::string times(std::string_view schedule, const std::string& zone, std::string_view after,
                  int count = 1) {
  const auto parsed = platform::parse_cron_schedule(schedule);
  REQUIRE(parsed.has_value());
  std::string text;
  Time from = at(after);
  for (int i = 0; i < count; ++i) {
    from = next_time(*parsed, *find_time_zone(zone), from);
    text += (text.empty() ? "" : " ") + rfc3339(from);
  }
  return text;
}

TEST_CASE("the next time of a schedule is after the given one, to the minute") {
  CHECK(times("30 4 * * *", "UTC", "2026-11-26T04:29:59Z") == "2026-11-26T04:30:00Z");
  CHECK(times("30 4 * * *", "UTC", "2026-11-26T04:30:00Z") == "2026-11-27T04:30:00Z");
  CHECK(times("*/15 * * * *", "UTC", "2026-12-31T23:50:00Z", 2) ==
        "2027-01-01T00:00:00Z 2027-01-01T00:15:00Z");
  CHECK(times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z") == "2104-02-29T00:00:00Z");
  CHECK(times("0 12 * * mon", "UTC", "2026-11-26T00:00:00Z") == "2026-11-30T12:00:00Z");
  CHECK(times("0 0 13 * fri", "UTC", "2026-11-09T00:00:00Z", 3) ==
        "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z 2026-11-27T00:00:00Z");
  CHECK(times("5 * 31 12 *", "UTC", "2026-12-31T23:30:00Z") == "2027-12-31T00:05:00Z");
}

TEST_CASE("a schedule is of its time zone, in winter and in summer") {
  CHECK(times("0 9 * * *", "Europe/Berlin", "2026-01-10T00:00:00Z") == "2026-01-10T08:00:00Z");
  CHECK(times("0 9 * * *", "Europe/Berlin", "2026-07-10T00:00:00Z") == "2026-07-10T07:00:00Z");
  CHECK(times("0 9 * * *", "Asia/Kathmandu", "2026-07-10T00:00:00Z") == "2026-07-10T03:15:00Z");
  CHECK(times("0 0 1 * *", "Pacific/Auckland", "2026-07-10T00:00:00Z") == "2026-07-31T12:00:00Z");
}

TEST_CASE("a time that the clock skips is due when it is set forward, once") {
  // 2026-03-29 in Berlin: 02:00 is 03:00, at 01:00 UTC.
  CHECK(times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
        "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z");
  CHECK(times("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
        "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z");
  // In Samoa a whole day was skipped: 2011-12-30.
  CHECK(times("0 12 30 * *", "Pacific/Apia", "2011-12-01T00:00:00Z") == "2011-12-30T10:00:00Z");
}

TEST_CASE("a time that comes twice is due the first time only") {
  // 2026-10-25 in Berlin: 03:00 is 02:00, at 01:00 UTC.
  CHECK(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) ==
        "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z");
  CHECK(times("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z") == "2026-10-26T01:30:00Z");
}

TEST_CASE("a job of every hour is due once an hour, whatever the clock is set to") {
  CHECK(times("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3) ==
        "2026-03-29T00:30:00Z 2026-03-29T01:30:00Z 2026-03-29T02:30:00Z");
  CHECK(times("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3) ==
        "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-25T02:30:00Z");
  // Lord Howe's clock is set back by half an hour: 02:00 is 01:30, at 2026-04-04 15:00 UTC.
  CHECK(times("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40:00Z", 3) ==
        "2026-04-04T14:45:00Z 2026-04-04T15:15:00Z 2026-04-04T16:15:00Z");
  CHECK(times("0 * 29 3 *", "Europe/Berlin", "2026-03-29T21:00:00Z") == "2027-03-28T22:00:00Z");
}

using What = CronDecision::What;

/// A job at 04:00 UTC each day, and what is known of it.
struct Daily {
  CronJob job{.name = "daily", .command = "x", .schedule = "0 4 * * *"};
  bool suspended = false;
  Time decided_until = at("2026-11-25T04:00:00Z");
  std::size_t running = 0;

  [[nodiscard]] CronDecision decide(std::string_view now) const {
    const auto schedule = *platform::parse_cron_schedule(job.schedule);
    const TimeZone zone = cctz::utc_time_zone();
    return decide_cron({job, schedule, zone, suspended, decided_until, running}, CronPolicy{},
                       at(now));
  }
};

TEST_CASE("before its time a job waits for it; at its time it starts and the time is decided") {
  const Daily daily;
  CHECK(daily.decide("2026-11-26T03:59:59Z") ==
        CronDecision{.decided_until = daily.decided_until, .next = at("2026-11-26T04:00:00Z")});
  CHECK(daily.decide("2026-11-26T04:00:01Z") ==
        CronDecision{.what = What::start,
                     .scheduled_at = at("2026-11-26T04:00:00Z"),
                     .decided_until = at("2026-11-26T04:00:00Z"),
                     .next = at("2026-11-27T04:00:00Z")});
}

TEST_CASE("times that were missed are left out with a reason, or made up for by one run") {
  Daily daily;
  const CronDecision skipped = daily.decide("2026-11-28T05:00:00Z");
  CHECK(skipped.what == What::skip);
  CHECK(skipped.why == "the platform was not running at 3 times, or its clock was changed");
  CHECK(skipped.decided_until == at("2026-11-28T04:00:00Z"));
  daily.job.missed = CronJob::Missed::run_once;
  const CronDecision once = daily.decide("2026-11-28T05:00:00Z");
  CHECK(once.what == What::start);
  CHECK(once.scheduled_at == at("2026-11-28T04:00:00Z"));
  CHECK(once.decided_until == at("2026-11-28T04:00:00Z"));
}

TEST_CASE("a long absence of a frequent job is decided at once") {
  Daily daily;
  daily.job.schedule = "* * * * *";
  const CronDecision decision = daily.decide("2031-11-28T05:00:30Z");
  CHECK(decision.what == What::start);
  CHECK(decision.scheduled_at == at("2031-11-28T05:00:00Z"));
  CHECK(decision.next == at("2031-11-28T05:01:00Z"));
}

TEST_CASE("a suspended job lets its times pass, and none of them counts as missed later") {
  Daily daily;
  daily.suspended = true;
  const CronDecision decision = daily.decide("2026-11-26T04:00:01Z");
  CHECK(decision.what == What::wait);
  CHECK(decision.decided_until == at("2026-11-26T04:00:00Z"));
}

TEST_CASE("while the run before runs: forbid leaves the time out, allow starts another") {
  Daily daily;
  daily.running = 1;
  CHECK(daily.decide("2026-11-26T04:00:01Z").why == "the run before it had not ended");
  daily.job.concurrency = CronJob::Concurrency::allow;
  CHECK(daily.decide("2026-11-26T04:00:01Z").what == What::start);
  daily.running = 10;
  CHECK(daily.decide("2026-11-26T04:00:01Z").why == "10 runs before it had not ended");
}

TEST_CASE("replace ends the run before, and starts the next when that has ended") {
  Daily daily;
  daily.job.concurrency = CronJob::Concurrency::replace;
  daily.running = 1;
  const CronDecision first = daily.decide("2026-11-26T04:00:01Z");
  CHECK(first.what == What::end_running);
  CHECK(first.decided_until == daily.decided_until);
  daily.running = 0;
  CHECK(daily.decide("2026-11-26T04:01:20Z").what == What::start);
}

TEST_CASE("a clock set back runs no time again, unless it had been wrong by hours") {
  Daily daily;
  daily.decided_until = at("2026-11-26T04:00:00Z");
  const CronDecision again = daily.decide("2026-11-26T03:59:00Z");
  CHECK(again.what == What::wait);
  CHECK(again.next == at("2026-11-27T04:00:00Z"));
  daily.decided_until = at("2029-01-01T04:00:00Z");
  const CronDecision corrected = daily.decide("2026-11-26T03:59:00Z");
  CHECK(corrected.decided_until == at("2026-11-26T03:59:00Z"));
  CHECK(corrected.next == at("2026-11-26T04:00:00Z"));
}

}  // namespace
}  // namespace berth::runtime
