// SPDX-License-Identifier: Apache-2.0
//
// kill -9 of the server and of the router: apps keep serving, nothing is
// started twice, nothing lost.
#include <thread>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("kill -9 of the server fails no request, and the next server adopts what runs") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("express", "survivor");
  const std::string replica = berth.get("survivor", "/replica").body;
  const json::value before = berth.json_of({"ps", "-a", "survivor"});
  Load load([&] { return berth.get("survivor"); }, 2);
  berth.kill_server();
  CHECK(eventually([&, first = load.succeeded()] { return load.succeeded() > first + 50; }));
  CHECK(berth.get("survivor", "/?while=down").status == 200);
  berth.start_server();
  REQUIRE(
      eventually([&] { return berth.json_of({"ps", "-a", "survivor"}).as_array().size() == 1; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(berth.get("survivor", "/replica").body == replica);
  const json::value after = berth.json_of({"ps", "-a", "survivor"});
  CHECK(after.as_array()[0].at("id") == before.as_array()[0].at("id"));
  CHECK(eventually([&] {
    return berth.must({"logs", "-a", "survivor", "-n", "1000"}).find("/?while=down") !=
           std::string::npos;
  }));
  berth.destroy("survivor");
}

TEST_CASE("kill -9 of the router is mended at once and the replicas go on") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("express", "rerouted");
  const std::string replica = berth.get("rerouted", "/replica").body;
  berth.kill_router();
  CHECK(eventually([&] { return berth.get("rerouted", "/replica").body == replica; }, 20s));
  berth.destroy("rerouted");
}

TEST_CASE("kill -9 of the server during a build fails that push with a reason and loses nothing") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("slow-build");
  berth.must({"create", "interrupted"}, repository);
  Output pushed;
  std::thread pusher([&] { pushed = berth.push(repository); });
  CHECK(eventually(
      [&] { return berth.json_of({"builds", "-a", "interrupted"}).as_array().size() == 1; }));
  berth.kill_server();
  pusher.join();
  CHECK_FALSE(pushed.status.success());
  berth.start_server();
  const json::value builds = berth.json_of({"builds", "-a", "interrupted"});
  CHECK(builds.as_array()[0].at("status") == "failed");
  CHECK(builds.as_array()[0].at("message") ==
        "the platform restarted during the build; push again");
  berth.destroy("interrupted");
}

}  // namespace
}  // namespace berth::test
