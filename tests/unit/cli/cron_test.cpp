// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "cron shows when each job runs next and how it ended last") {
  server.json("GET /apps/shop/cron-jobs", R"([
      {"name":"nightly","schedule":"0 4 * * *","timezone":"Europe/Berlin","command":"bin/report",
       "suspended":false,"next_run_at":"2026-11-23T12:03:00Z",
       "last_run":{"status":"failed","started_at":"2026-11-23T11:55:00Z",
                   "ended_at":"2026-11-23T11:56:00Z"}},
      {"name":"paused","schedule":"@daily","timezone":"UTC","command":"x","suspended":true,
       "next_run_at":null,"last_run":null}])");
  CHECK(run({"cron", "-a", "shop"}) == 0);
  CHECK(printed() ==
        "NAME     SCHEDULE                 NEXT RUN   LAST RUN          COMMAND\n"
        "nightly  0 4 * * * Europe/Berlin  in 3 min   failed 4 min ago  bin/report\n"
        "paused   @daily                   suspended                    x\n");
  server.json("GET /apps/shop/cron-jobs", "[]");
  CHECK(run({"cron", "-a", "shop"}) == 0);
  CHECK_CONTAINS(noted(), "shop has no cron jobs.");
}

TEST_CASE_FIXTURE(Fixture, "cron:run tells the name that the run has in the log") {
  server.json("POST /apps/shop/cron-jobs/nightly/actions/run", R"({"process":"cron.nightly.1"})");
  CHECK(run({"cron:run", "nightly", "-a", "shop"}) == 0);
  CHECK(printed() == "Running nightly of shop as cron.nightly.1\n");
  CHECK_CONTAINS(noted(), "berth logs --tail -p cron.nightly.1 -a shop");
}

TEST_CASE_FIXTURE(Fixture, "cron:suspend and cron:resume say what is so now") {
  server.on("PATCH /apps/shop/cron-jobs/nightly", [](const Asked& asked) {
    return Answer{.body = asked.body == R"({"suspended":true})"
                              ? R"({"next_run_at":null})"
                              : R"({"next_run_at":"2026-11-23T12:03:00Z"})"};
  });
  CHECK(run({"cron:suspend", "nightly", "-a", "shop"}) == 0);
  CHECK(printed() == "Suspended nightly of shop\n");
  CHECK(run({"cron:resume", "nightly", "-a", "shop"}) == 0);
  CHECK(printed() == "Resumed nightly of shop; it runs next in 3 min\n");
}

TEST_CASE_FIXTURE(Fixture, "cron:history shows runs with what they took and why they failed") {
  const char* runs = R"([
      {"job":"nightly","status":"skipped","started_at":"2026-11-23T11:55:00Z","seconds":0,
       "reason":"the run before it had not ended","user":null},
      {"job":"nightly","status":"succeeded","started_at":"2026-11-23T10:00:00Z","seconds":12.3,
       "reason":null,"user":"ada"}])";
  server.json("GET /apps/shop/cron-jobs/nightly/runs", runs);
  CHECK(run({"cron:history", "nightly", "-a", "shop"}) == 0);
  CHECK(printed() ==
        "JOB      STARTED    STATUS     TOOK  WHY\n"
        "nightly  5 min ago  skipped          the run before it had not ended\n"
        "nightly  2 h ago    succeeded  12 s  by ada\n");
  server.json("GET /apps/shop/cron-runs", "[]");
  CHECK(run({"cron:history", "-a", "shop"}) == 0);
  CHECK_CONTAINS(noted(), "No cron job of shop has run yet.");
}

}  // namespace berth::test
