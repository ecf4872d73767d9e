// SPDX-License-Identifier: Apache-2.0
//
// The health checks of app.json, by what users see of them: traffic, the log, the push.
#include <set>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// The sample, deployed once for all cases of this file; its repository.
const std::filesystem::path& sample() {
  static const std::filesystem::path repository = platform().deploy("health-checks", "checked");
  return repository;
}

std::string log_of(Platform& berth) { return berth.must({"logs", "-a", "checked", "-n", "500"}); }

bool logged(Platform& berth, std::string_view text) {
  return log_of(berth).find(text) != std::string::npos;
}

/// Who answers twenty requests in a row.
std::set<std::string> servers(Platform& berth) {
  std::set<std::string> result;
  for (int i = 0; i < 20; ++i) {
    const auto answer = berth.get("checked");
    CHECK(answer.status == 200);
    result.insert(answer.body);
  }
  return result;
}

TEST_CASE("`berth checks` tells each check of the release and what its replicas answered") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  CHECK(eventually([&] {
    const json::value all = berth.json_of({"checks", "-a", "checked"});
    if (all.as_array().size() != 3) return false;
    for (const json::value& check : all.as_array())
      for (const json::value& replica : check.at("replicas").as_array())
        if (replica.at("state") != "passing") return false;
    return all.as_array()[0].at("what") == "GET /started" &&
           all.as_array()[2].at("replicas").as_array()[0].at("answer") == "exited with status 0";
  }));
  const std::string table = berth.must({"checks", "-a", "checked"});
  CHECK_MESSAGE(table.find("GET /ready") != std::string::npos, table);
}

TEST_CASE("a replica whose readiness check fails gets no traffic until it passes again") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  berth.must({"ps:scale", "web=2", "-a", "checked"});
  REQUIRE(eventually([&] { return servers(berth).size() == 2; }, 60s));
  const std::string unready = berth.get("checked", "/unready?times=25").body;
  REQUIRE(eventually([&] {
    const auto left = servers(berth);
    return left.size() == 1 && !left.contains(unready);
  }));
  CHECK(logged(berth, "Failed its readiness check (GET /ready answered 503) 2 times in a row"));
  CHECK(eventually([&] { return servers(berth).contains(unready); }, 60s));
  CHECK(logged(berth, "Readiness check passed: it gets traffic again"));
  berth.must({"ps:scale", "web=1", "-a", "checked"});
  CHECK(eventually([&] { return berth.json_of({"ps", "-a", "checked"}).as_array().size() == 1; },
                   60s));
}

TEST_CASE("a replica whose liveness check fails is started again, and the log says which failed") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  const auto id = [&] {
    const json::value all = berth.json_of({"ps", "-a", "checked"});
    return all.as_array().size() == 1 ? std::string(all.as_array()[0].at("id").as_string())
                                      : std::string();
  };
  const std::string before = id();
  (void)berth.get("checked", "/die");
  CHECK(eventually([&] {
    const std::string after = id();
    return !after.empty() && after != before && berth.get("checked").status == 200;
  }, 60s));
  CHECK(logged(berth, "Stopping: it failed its liveness check (`test ! -e /tmp/dead` exited with "
                      "status 1) 2 times in a row"));
}

TEST_CASE("a release whose startup check fails is rejected with its answer; the old one serves") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto& repository = sample();
  const auto source = repository / "server.js";
  const std::string good = *read_file(source);
  std::string bad = good;
  bad.replace(bad.find("started = 200"), 13, "started = 500");
  REQUIRE(write_file(source, bad, 0644).has_value());
  berth.commit(repository, "never started");
  const Output pushed = berth.push(repository);
  CHECK(!pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("web.1 failed its startup check 'boot' (GET /started answered 500) "
                                "2 times in a row") != std::string::npos,
                pushed.err);
  CHECK(berth.get("checked").status == 200);
  REQUIRE(write_file(source, good, 0644).has_value());
  berth.commit(repository, "as it was");
}

TEST_CASE("a value of app.json that cannot be meant fails the build with line and field") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto& repository = sample();
  const auto file = repository / "app.json";
  const std::string good = *read_file(file);
  std::string bad = good;
  bad.replace(bad.find("\"attempts\": 2"), 13, "\"attempts\": 0");
  REQUIRE(write_file(file, bad, 0644).has_value());
  berth.commit(repository, "no attempts");
  const Output pushed = berth.push(repository);
  CHECK(!pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("app.json:5: healthchecks.web[0].attempts must be a whole number "
                                "from 1 to 1000, not 0") != std::string::npos,
                pushed.err);
}

TEST_CASE("checked replicas go on serving while the server is replaced") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  const std::string before = to_text(berth.json_of({"ps", "-a", "checked"}).at(0).at("id"));
  berth.kill_server();
  CHECK(berth.get("checked").status == 200);
  berth.start_server();
  CHECK(berth.get("checked").status == 200);
  const json::value after = berth.json_of({"ps", "-a", "checked"}).at(0);
  CHECK(to_text(after.at("id")) == before);
  CHECK(after.at("state") == "up");
}

}  // namespace
}  // namespace berth::test
