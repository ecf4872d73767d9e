// SPDX-License-Identifier: Apache-2.0
//
// One app through its life: logs, scale, config, rollback, crash, ten deploys
// under load, autoscaling.
#include <fmt/format.h>

#include <regex>
#include <set>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// The Express sample, deployed once for all cases of this file.
const std::string& hello() {
  static const std::string app = [] {
    platform().deploy("express", "hello");
    return std::string("hello");
  }();
  return app;
}

int ready_replicas(Platform& berth, const std::string& app) {
  int ready = 0;
  const json::value all = berth.json_of({"ps", "-a", app});
  for (const json::value& replica : all.as_array())
    if (replica.at("state") == "up" && replica.at("type") == "web") ++ready;
  return ready;
}

/// The id of the app's one replica in this state, or in none but "idle"; empty while there are none
/// or several.
std::string only_replica(Platform& berth, const std::string& app, std::string_view state = {}) {
  std::string found;
  const json::value all = berth.json_of({"ps", "-a", app});
  for (const json::value& replica : all.as_array()) {
    const std::string_view its = replica.at("state").as_string();
    if (state.empty() ? its == "idle" : its != state) continue;
    if (!found.empty()) return {};
    found = replica.at("id").as_string();
  }
  return found;
}

TEST_CASE("`berth info --json` tells the name, the URLs and the state") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const json::value info = berth.json_of({"info", "-a", hello()});
  CHECK(info.at("name") == "hello");
  CHECK(info.at("web_url").as_string() ==
        fmt::format("http://hello.localhost:{}", berth.router_port()) + "/");
  CHECK(std::string(info.at("git_url").as_string()).find("/hello.git") != std::string::npos);
  CHECK(info.at("state") == "running");
}

TEST_CASE("what an app prints and what is asked of it stand in its log, stamped and named") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  CHECK(berth.get(hello(), "/?from=the-log-test").status == 200);
  const std::regex printed(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* app\[web\.1\]: listening)");
  const std::regex routed(
      R"(berth\[router\]: at=info method=GET path="/\?from=the-log-test".*status=200)");
  std::string log;
  CHECK_MESSAGE(eventually([&] {
    log = berth.must({"logs", "-a", hello(), "-n", "500"});
    return std::regex_search(log, printed) && std::regex_search(log, routed);
  }), log);
}

TEST_CASE("scaled to three replicas, all three get traffic") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.must({"ps:scale", "web=3", "-a", hello()});
  REQUIRE(eventually([&] { return ready_replicas(berth, hello()) == 3; }, 60s));
  std::set<std::string> seen;
  CHECK(eventually([&] {
    seen.insert(berth.get(hello(), "/replica").body);
    return seen.size() == 3;
  }));
  berth.must({"ps:scale", "web=1", "-a", hello()});
  CHECK(
      eventually([&] { return berth.json_of({"ps", "-a", hello()}).as_array().size() == 1; }, 60s));
}

TEST_CASE("a config change makes a release that serves the new value, and rollback the old one") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto version = [&] {
    return berth.json_of({"releases", "-a", hello()}).as_array()[0].at("version").to_number<int>();
  };
  (void)hello();
  const int before = version();
  berth.must({"config:set", "GREETING=good-morning", "-a", hello()});
  CHECK(eventually(
      [&] { return berth.get(hello()).body.find("good-morning") != std::string::npos; }));
  CHECK(version() == before + 1);
  berth.must({"rollback", "v" + std::to_string(before), "-a", hello()});
  CHECK(eventually(
      [&] { return berth.get(hello()).body.find("good-morning") == std::string::npos; }));
  CHECK(version() == before + 2);
  CHECK(berth.json_of({"config", "-a", hello()}).as_object().empty());
}

TEST_CASE("a rollback serves by the replica that served before, which was frozen meanwhile") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("express", "undo");
  const std::string first = only_replica(berth, "undo", "up");
  const std::string before = berth.get("undo").body;
  berth.must({"config:set", "GREETING=second", "-a", "undo"});
  REQUIRE(eventually([&] { return only_replica(berth, "undo", "idle") == first; }, 60s));
  const std::string second = only_replica(berth, "undo", "up");
  CHECK(second != first);
  const json::value shown = berth.json_of({"ps", "-a", "undo"});
  CHECK_MESSAGE(to_text(shown).find("frozen, for a rollback to v1") != std::string::npos,
                to_text(shown));
  for (int i = 0; i < 20; ++i)
    CHECK(berth.get("undo").body.find("second") != std::string::npos);

  // A server that is killed meanwhile thaws and starts nothing.
  berth.kill_server();
  berth.start_server();
  CHECK(eventually([&] { return only_replica(berth, "undo", "idle") == first; }, 60s));
  CHECK(only_replica(berth, "undo", "up") == second);

  const auto begun = std::chrono::steady_clock::now();
  berth.must({"rollback", "v1", "-a", "undo"});
  CHECK(eventually([&] { return berth.get("undo").body == before; }));
  const auto took = std::chrono::steady_clock::now() - begun;
  MESSAGE("serves the first again after " << took / 1ms << " ms, the CLI's own time in it");
  CHECK(only_replica(berth, "undo", "up") == first);
  // Now v2 is what may come back.
  CHECK(eventually([&] { return only_replica(berth, "undo", "idle") == second; }, 60s));
  const std::string log = berth.must({"logs", "-a", "undo", "-n", "500"});
  CHECK_MESSAGE(log.find("State changed from idle to up") != std::string::npos, log);
  // A new deploy ends what was kept, and keeps what served.
  berth.must({"config:set", "GREETING=third", "-a", "undo"});
  CHECK(eventually([&] { return only_replica(berth, "undo", "idle") == first; }, 60s));
  CHECK(eventually([&] { return berth.get("undo").body.find("third") != std::string::npos; }));
  berth.destroy("undo");
}

TEST_CASE("a replica that crashes is started again and the log says that it crashed") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const std::string before = only_replica(berth, hello());
  (void)berth.get(hello(), "/crash");
  CHECK(eventually([&] {
    const std::string after = only_replica(berth, hello());
    return !after.empty() && after != before && berth.get(hello()).status == 200;
  }, 60s));
  const std::string log = berth.must({"logs", "-a", hello(), "-n", "500"});
  CHECK_MESSAGE(log.find("Crashed: exited with status 1") != std::string::npos, log);
}

TEST_CASE("ten deploys under load fail not one request") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.deploy("express", "busy");
  Load load([&] { return berth.get("busy", "/"); }, 4);
  for (int i = 1; i <= 10; ++i) {
    const auto source = repository / "server.js";
    REQUIRE_FALSE(
        write_file(source, *read_file(source) + fmt::format("// change {}\n", i)).has_error());
    berth.commit(repository, fmt::format("change {}", i));
    const Output pushed = berth.push(repository);
    REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  }
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(load.succeeded() > 100);
  MESSAGE("requests answered during ten deploys: " << load.succeeded());
  berth.destroy("busy");
}

namespace {

/// Within a minute another replica is the app's only one.
bool is_replaced(Platform& berth, const std::string& app, const std::string& before) {
  return eventually([&] {
    const std::string after = only_replica(berth, app);
    return !after.empty() && after != before;
  }, 60s);
}

}  // namespace

TEST_CASE("restarting replaces the replicas without failing a request") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const std::string before = only_replica(berth, hello());
  Load load([&] { return berth.get(hello(), "/replica"); }, 2);
  berth.must({"ps:restart", "-a", hello()});
  CHECK(is_replaced(berth, hello(), before));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
}

TEST_CASE("a replica that is stopped is replaced without failing a request") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  Load load([&] { return berth.get(hello(), "/replica"); }, 2);
  for (int i = 0; i < 5; ++i) {
    const std::string before = only_replica(berth, hello());
    berth.must({i % 2 == 0 ? "ps:stop" : "ps:restart", "web.1", "-a", hello()});
    CHECK(is_replaced(berth, hello(), before));
  }
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
}

TEST_CASE("a one-off command runs in the app's environment and passes its exit code on") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const Output output =
      berth.cli({"run", "-a", hello(), "--no-tty", "--", "echo in $DYNO; pwd; exit 7"});
  CHECK_MESSAGE(output.status.code == 7, output.out << output.err);
  CHECK_MESSAGE(output.out.find("in run.") != std::string::npos, output.out);
  CHECK(output.out.find("/app") != std::string::npos);
}

TEST_CASE("a domain leads to the app until it is removed") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.must({"domains:add", "www.shop.example", "-a", hello()});
  const auto ask = [&] {
    auto response =
        http_request({.url = *Url::parse(fmt::format("http://127.0.0.1:{}/", berth.router_port())),
                      .headers = {{"Host", "www.shop.example"}}});
    return response.has_value() ? response->status : 0;
  };
  CHECK(eventually([&] { return ask() == 200; }));
  berth.must({"domains:remove", "www.shop.example", "-a", hello()});
  CHECK(eventually([&] { return ask() == 404; }));
}

}  // namespace
}  // namespace berth::test
