// SPDX-License-Identifier: Apache-2.0
//
// The cron jobs of app.json, by what users see of them.
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// The sample, deployed once for all cases of this file, and scaled to nothing.
void sample(Platform& berth) {
  static const auto repository = [&] {
    auto made = berth.deploy("cron", "jobs");
    berth.must({"config:set", "GREETING=us", "-a", "jobs"});
    berth.must({"ps:scale", "web=0", "-a", "jobs"});
    return made;
  }();
}

std::string log_of(Platform& berth) { return berth.must({"logs", "-a", "jobs", "-n", "500"}); }

/// The newest run of the job once it has ended.
json::object ended_run(Platform& berth, std::string_view job) {
  json::object run;
  REQUIRE(eventually([&] {
    const json::value runs = berth.json_of({"cron:history", std::string(job), "-a", "jobs"});
    if (runs.as_array().empty()) return false;
    run = runs.as_array()[0].as_object();
    return run.at("status") != "running";
  }, 90s));
  return run;
}

TEST_CASE("a cron job runs at its time, with config vars, though the app is scaled to nothing") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  sample(berth);
  const json::object run = ended_run(berth, "every-minute");
  CHECK(run.at("status") == "succeeded");
  CHECK(run.at("exit_code") == 0);
  CHECK_FALSE(run.at("scheduled_at").is_null());
  CHECK_MESSAGE(log_of(berth).find("app[cron.every-minute.1]: swept for us") != std::string::npos,
                log_of(berth));
  berth.must({"cron:suspend", "every-minute", "-a", "jobs"});
  const std::string table = berth.must({"cron", "-a", "jobs"});
  CHECK_MESSAGE(table.find("suspended") != std::string::npos, table);
  CHECK_MESSAGE(table.find("@yearly Europe/Berlin") != std::string::npos, table);
}

TEST_CASE("a run that fails, or takes too long, stands in the history with the reason") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  sample(berth);
  const std::string told = berth.must({"cron:run", "fails", "-a", "jobs"});
  CHECK(told == "Running fails of jobs as cron.fails.1\n");
  const json::object failed = ended_run(berth, "fails");
  CHECK(failed.at("status") == "failed");
  CHECK(failed.at("exit_code") == 3);
  CHECK(failed.at("scheduled_at").is_null());
  berth.must({"cron:run", "endless", "-a", "jobs"});
  const json::object endless = ended_run(berth, "endless");
  CHECK(endless.at("status") == "failed");
  CHECK(endless.at("reason") == "ran for longer than its timeout");
}

TEST_CASE("a run goes on while the server is replaced, and its end is noticed by the next") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  sample(berth);
  berth.must({"cron:run", "long", "-a", "jobs"});
  REQUIRE(eventually([&] {
    return log_of(berth).find("app[cron.long.1]: begun") != std::string::npos;
  }));
  const Output again = berth.cli({"cron:run", "long", "-a", "jobs"});
  CHECK_FALSE(again.status.success());
  CHECK_MESSAGE(again.err.find("long runs already, as cron.long.1. `berth ps:stop cron.long.1`") !=
                    std::string::npos,
                again.err);
  berth.kill_server();
  berth.start_server();
  CHECK(berth.json_of({"cron:history", "long", "-a", "jobs"}).as_array()[0].at("status") ==
        "running");
  berth.must({"ps:stop", "cron.long.1", "-a", "jobs"});
  CHECK(ended_run(berth, "long").at("status") == "failed");
}

}  // namespace
}  // namespace berth::test
