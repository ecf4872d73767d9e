// SPDX-License-Identifier: Apache-2.0
//
// How replicas are replaced: a few at a time, by a canary first, and back when the new ones crash.
#include <algorithm>
#include <map>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// The sample app, deployed once for all cases of this file; v1 serves.
const std::string& moods() {
  static const std::string app = [] {
    platform().deploy("moods", "moods");
    return std::string("moods");
  }();
  return app;
}

/// Its replicas that have a container, and are not kept for a rollback.
int present(Platform& berth) {
  const json::value all = berth.json_of({"ps", "-a", moods()});
  return static_cast<int>(std::ranges::count_if(all.as_array(), [](const json::value& entry) {
    const auto state = entry.at("state").as_string();
    return state != "crashed" && state != "idle";
  }));
}

json::value newest_release(Platform& berth) {
  return berth.json_of({"releases", "-a", moods(), "-n", "1"}).as_array().at(0);
}

bool answers(Platform& berth, std::string_view mode) {
  return berth.get(moods()).body.ends_with(mode);
}

/// How often each mode answered.
std::map<std::string, int> ask(Platform& berth, int times) {
  std::map<std::string, int> counts;
  for (int i = 0; i < times; ++i) {
    const std::string body = berth.get(moods()).body;
    ++counts[body.substr(body.find(' ') + 1)];
  }
  return counts;
}

TEST_CASE("with a surge of one, three replicas are replaced under load with never more than four") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.must({"ps:scale", "web=3", "-a", moods()});
  REQUIRE(eventually([&] { return present(berth) == 3; }, 60s));
  const std::string shown = berth.must({"rollout:set", "surge=1", "-a", moods()});
  CHECK_MESSAGE(shown.find("Surge") != std::string::npos, shown);
  Load load([&] { return berth.get(moods()); }, 2);
  berth.must({"config:set", "MODE=stepwise", "-a", moods()});
  int most = 0;
  CHECK(eventually(
      [&] {
        most = std::max(most, present(berth));
        return newest_release(berth).at("status") == "succeeded";
      },
      120s));
  load.stop();
  CHECK(most == 4);
  CHECK(answers(berth, "stepwise"));
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  // Old and new answered meanwhile.
  CHECK(load.bodies().size() == 2);
  berth.must({"rollout:unset", "surge", "-a", moods()});
  berth.must({"ps:scale", "web=1", "-a", moods()});
}

TEST_CASE("a canary gets its part of the requests, more of them, and all when it is promoted") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)moods();
  berth.must({"rollout:set", "canary=20%", "promote=manual", "-a", moods()});
  berth.must({"config:set", "MODE=fresh", "-a", moods()});
  REQUIRE(eventually([&] { return ask(berth, 20).contains("fresh"); }, 60s));
  CHECK(newest_release(berth).at("canary") == 20);
  auto counts = ask(berth, 400);
  CHECK_MESSAGE((counts["fresh"] > 30 && counts["fresh"] < 150), counts["fresh"]);

  // A server that is killed meanwhile finds it as it was.
  berth.kill_server();
  berth.start_server();
  berth.must({"releases:canary", "--weight", "80%", "-a", moods()});
  CHECK(eventually([&] {
    auto now = ask(berth, 50);
    return now["fresh"] > 30;
  }));
  CHECK(eventually([&] {
    const json::value trial = berth.json_of({"releases:canary", "-a", moods()});
    return trial.at("canary").at("requests").to_number<int>() > 0;
  }));
  const Output refused = berth.cli({"config:set", "A=b", "-a", moods()});
  CHECK_FALSE(refused.status.success());
  CHECK_MESSAGE(refused.err.find("releases:abort") != std::string::npos, refused.err);
  berth.must({"releases:promote", "-a", moods()});
  CHECK(eventually([&] { return newest_release(berth).at("current").as_bool(); }, 60s));
  CHECK(eventually([&] {
    auto now = ask(berth, 20);
    return now["fresh"] == 20;
  }));
}

TEST_CASE("a canary whose requests fail is aborted by itself, and the others never knew") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)moods();
  berth.must({"rollout:set", "canary=10%", "promote=10m", "-a", moods()});
  const std::string before = berth.get(moods()).body;
  berth.must({"config:set", "MODE=failing", "-a", moods()});
  Load load([&] { return berth.get(moods()); }, 2);
  CHECK(eventually([&] { return newest_release(berth).at("status") == "failed"; }, 120s));
  load.stop();
  const std::string why(newest_release(berth).at("message").as_string());
  CHECK_MESSAGE(why.starts_with("as a canary, "), why);
  CHECK_MESSAGE(why.find("requests failed, 0.0 % of the others'") != std::string::npos, why);
  CHECK(load.failed() > 0);
  CHECK(load.failed() < load.succeeded() / 5);
  CHECK(eventually([&] {
    const auto counts = ask(berth, 20);
    return !counts.contains("failing");
  }));
  CHECK(berth.get(moods()).body == before);
  berth.must({"rollout:unset", "canary", "promote", "-a", moods()});
  berth.must({"config:unset", "MODE", "-a", moods()});
  CHECK(eventually([&] { return newest_release(berth).at("current").as_bool(); }, 60s));
}

TEST_CASE("a release that crashes when it serves already is rolled back, once") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)moods();
  const int good = newest_release(berth).at("version").to_number<int>();
  berth.must({"config:set", "MODE=crashing", "-a", moods()});
  REQUIRE(eventually([&] { return answers(berth, "crashing"); }, 60s));
  CHECK(eventually(
      [&] {
        const json::value release = newest_release(berth);
        return release.at("version") == good + 2 && release.at("current").as_bool();
      },
      120s));
  const std::string description(newest_release(berth).at("description").as_string());
  const std::string version = "v" + std::to_string(good);
  CHECK(description == "Rollback to " + version + ": v" + std::to_string(good + 1) + " crashed");
  CHECK(eventually([&] { return answers(berth, "well"); }));
  CHECK_FALSE(berth.json_of({"config", "-a", moods()}).as_object().contains("MODE"));
  const std::string log = berth.must({"logs", "-a", moods(), "-n", "500"});
  CHECK_MESSAGE(log.find("Rolling back to " + version) != std::string::npos, log);
  berth.destroy(moods());
}

}  // namespace
}  // namespace berth::test
