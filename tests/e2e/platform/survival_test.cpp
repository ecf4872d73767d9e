// SPDX-License-Identifier: Apache-2.0
//
// kill -9 of the server and of the router: apps keep serving, nothing is
// started twice, nothing lost.
#include <signal.h>

#include <algorithm>
#include <thread>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// As a reboot does: every replica of the platform ends at once.
void kill_replicas(const Platform& berth) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    const auto words = pid > 0 ? read_file(entry.path() / "cmdline") : Result<std::string>("");
    if (!words.has_error() && words->find("berth-shim") != std::string::npos &&
        words->find((berth.data() / "replicas").string()) != std::string::npos)
      ::kill(pid, SIGKILL);
  }
}

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

TEST_CASE("other settings of the router take effect with the server's next start, under load") {
  NEEDS_PLATFORM();
  Platform berth;
  berth.deploy("express", "steady");
  const pid_t before = berth.router_pid();
  berth.stop_server();
  berth.start_server();
  // It is what is wanted.
  CHECK(eventually([&] { return berth.router_pid() == before; }));

  Load load([&] { return berth.get("steady"); }, 2);
  HttpResponse slow;
  std::thread asker([&] { slow = berth.get("steady", "/slow?ms=4000"); });
  // Counted once it is in flight.
  CHECK(eventually([&, first = load.succeeded()] { return load.succeeded() > first + 20; }));
  berth.stop_server();
  berth.change_config("trusted_proxies: 127.0.0.3", "trusted_proxies: [127.0.0.3, 127.0.0.5]");
  berth.start_server();
  pid_t after = 0;
  CHECK(eventually([&] { return (after = berth.router_pid()) > 0 && after != before; }));
  const auto words = read_file("/proc/" + std::to_string(after) + "/cmdline");
  REQUIRE(words.has_value());
  CHECK(words->find("127.0.0.5") != std::string::npos);
  asker.join();
  CHECK(slow.status == 200);
  CHECK(eventually([&, first = load.succeeded()] { return load.succeeded() > first + 50; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  // The one before ends when nothing is connected to it any more, and the next is a router as any.
  CHECK(eventually([&] { return ::kill(before, 0) != 0; }, 100s));
  berth.kill_router();
  CHECK(eventually([&] { return berth.get("steady").status == 200; }, 20s));
}

TEST_CASE("when everything ended at once it comes back, a few replicas at a time") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("shell-script");
  const auto script = repository / "start.sh";
  // An app that takes a second to come up, like most.
  REQUIRE(write_file(script, "#!/bin/sh\nsleep 1\n" + read_file(script)->substr(10), 0755)
              .has_value());
  berth.commit(repository, "slow to start");
  berth.must({"create", "crowd"}, repository);
  REQUIRE(berth.push(repository).status.success());
  const std::size_t at_once = 8 * std::max(std::thread::hardware_concurrency(), 1U);
  const std::size_t all = at_once + 6;
  berth.must({"ps:scale", "web=" + std::to_string(all), "-a", "crowd"});
  const auto count = [&](std::string_view state) {
    const json::value rows = berth.json_of({"ps", "-a", "crowd"});
    return static_cast<std::size_t>(std::ranges::count_if(
        rows.as_array(), [&](const auto& row) { return row.at("state").as_string() == state; }));
  };
  REQUIRE(eventually([&] { return count("up") == all; }, 60s));
  berth.kill_server();
  kill_replicas(berth);
  berth.start_server();
  // A request waits for no others.
  CHECK(berth.get("crowd").status == 200);
  std::size_t most = 0;
  CHECK(eventually(
      [&] {
        most = std::max(most, count("starting"));
        return count("up") == all;
      },
      60s));
  CHECK(most <= at_once);
  berth.destroy("crowd");
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
