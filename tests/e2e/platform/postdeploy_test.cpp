// SPDX-License-Identifier: Apache-2.0
//
// app.json's postdeploy script: once, after the first release.
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

TEST_CASE("the postdeploy script runs once, after the first release, and the pusher sees it run") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("postdeploy");
  berth.must({"create", "seeded"}, repository);
  berth.must({"config:set", "WHO=us", "-a", "seeded"});
  const Output first = berth.push(repository);
  REQUIRE_MESSAGE(first.status.success(), first.err);
  const auto serves = first.err.find("healthy in");
  const auto runs = first.err.find("Running the postdeploy script: node seed.js");
  const auto prints = first.err.find("seeding for us");
  CHECK_MESSAGE((serves < runs && runs < prints && prints != std::string::npos), first.err);
  CHECK(first.err.find("It failed") == std::string::npos);
  REQUIRE(write_file(repository / "more.js", "", 0644).has_value());
  berth.commit(repository, "more");
  const Output second = berth.push(repository);
  REQUIRE_MESSAGE(second.status.success(), second.err);
  CHECK(second.err.find("postdeploy") == std::string::npos);
  const std::string log = berth.must({"logs", "-a", "seeded", "-n", "500"});
  CHECK_MESSAGE(log.find("app[postdeploy.1]: seeding for us") ==
                    log.rfind("app[postdeploy.1]: seeding for us"),
                log);
  CHECK(log.find("berth[postdeploy.1]: The postdeploy script has succeeded") != std::string::npos);
}

TEST_CASE("a postdeploy script that fails is told, and the release serves all the same") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("postdeploy");
  berth.must({"create", "unseeded"}, repository);
  const Output pushed = berth.push(repository);
  CHECK(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("It failed. The release serves") != std::string::npos, pushed.err);
  CHECK(berth.get("unseeded").body == "set up");
  const std::string log = berth.must({"logs", "-a", "unseeded", "-n", "100"});
  CHECK_MESSAGE(log.find("The postdeploy script failed: it exited with status 3") !=
                    std::string::npos,
                log);
}

}  // namespace
}  // namespace berth::test
