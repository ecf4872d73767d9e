// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("a quantity is a number, a number in a string, or a change") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto scaled = [&](const std::string& quantity) {
    const auto answer = api.call("PATCH", "/apps/hello/formation",
                                 R"({"updates":[{"type":"web","quantity":)" + quantity + "}]}");
    REQUIRE(answer.status == 200);
    return text_at(body_of(answer), "/0/quantity");
  };
  CHECK(scaled("3") == "3");
  CHECK(scaled("\"2\"") == "2");
  CHECK(scaled("\"+2\"") == "4");
  CHECK(scaled("\"-1\"") == "3");
  CHECK(scaled("\"-9\"") == "0");
}

TEST_CASE("a wrong update of a batch leaves the whole formation as it was") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto update = [&](const std::string& second) {
    return api.call("PATCH", "/apps/hello/formation",
                    R"({"updates":[{"type":"web","quantity":5},)" + second + "]}");
  };
  const auto unknown = update(R"({"type":"nope","quantity":1})");
  CHECK(unknown.status == 404);
  CHECK(text_at(body_of(unknown), "/message") ==
        "the app has no process type 'nope'. It has: web, worker");
  CHECK(update(R"({"type":"worker","quantity":"many"})").status == 422);
  CHECK(update(R"({"type":"worker","quantity":101})").status == 422);
  CHECK(update(R"({"type":"worker","size":"huge"})").status == 422);
  CHECK(update(R"({"type":"worker","quantity":1.5})").status == 422);
  CHECK(update(R"({"quantity":1})").status == 422);
  CHECK(update("7").status == 422);
  CHECK(api.call("PATCH", "/apps/hello/formation", "{}").status == 422);
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/formation/web")), "/quantity") == "1");
}

TEST_CASE("one process type is scaled by its name or its id, and by Terraform's dyno_size") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto web = body_of(api.call("GET", "/apps/hello/formation/web"));
  CHECK(text_at(web, "/command") == "node server.js");
  CHECK(text_at(web, "/autoscaling") == "null");
  const std::string id = text_at(web, "/id");
  const auto answer = api.call("PATCH", "/apps/hello/formation/" + id,
                               R"({"quantity":2,"dyno_size":{"name":"Standard"}})");
  CHECK(answer.status == 200);
  CHECK(text_at(body_of(answer), "/quantity") == "2");
  CHECK(text_at(body_of(answer), "/size") == "standard");
}

TEST_CASE("autoscaling is set, kept in its bounds, and taken away by null") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto set = api.call("PATCH", "/apps/hello/formation/web",
                            R"({"autoscaling":{"min":2,"max":5,"rps":20}})");
  CHECK(set.status == 200);
  CHECK(body_of(set).at("autoscaling") == json::value{{"min", 2}, {"max", 5}, {"rps", 20.0}});
  CHECK(text_at(body_of(set), "/quantity") == "2");
  for (const char* wrong : {R"({"min":6,"max":5})", R"({"min":-1})", R"({"rps":0})",
                            R"({"rps":"x"})", R"({"max":1.5})", "7"}) {
    const auto refused = api.call("PATCH", "/apps/hello/formation/web",
                                  std::string(R"({"autoscaling":)") + wrong + "}");
    CHECK(refused.status == 422);
  }
  const auto off = api.call("PATCH", "/apps/hello/formation/web", R"({"autoscaling":null})");
  CHECK(text_at(body_of(off), "/autoscaling") == "null");
}

TEST_CASE("before the first push, scaling says what to do") {
  ApiFixture api;
  CHECK(api.call("POST", "/apps", R"({"name":"fresh"})").status == 201);
  CHECK(body_of(api.call("GET", "/apps/fresh/formation")).get_array().empty());
  const auto refused = api.call("PATCH", "/apps/fresh/formation/web", R"({"quantity":1})");
  CHECK(refused.status == 404);
  CHECK(text_at(body_of(refused), "/message") ==
        "the app has no process type 'web': nothing is deployed yet. Push first: git push berth "
        "main");
}

TEST_CASE("replicas are listed, restarted by name, type or all, and stopped") {
  ApiFixture api;
  api.deployed_app("hello");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/dynos")), "/0/state") == "up");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/dynos/web.1")), "/id") == "r-web1");
  api.on_strand([&] { api.control.calls.clear(); });
  for (const char* path :
       {"/dynos", "/dynos/web.1", "/dynos/r-web1", "/dynos/worker", "/formations/web"}) {
    const auto answer = api.call("DELETE", std::string("/apps/hello") + path);
    CHECK(answer.status == 202);
    CHECK(answer.body == "{}\n");
  }
  CHECK(api.call("POST", "/apps/hello/dynos/web.1/actions/stop").status == 202);
  CHECK(api.on_strand([&] { return api.control.calls; }) ==
        std::vector<std::string>{"restart ", "restart web.1", "restart web.1", "restart worker",
                                 "restart web", "stop web.1"});
  CHECK(api.call("DELETE", "/apps/hello/dynos/nope").status == 404);
  CHECK(api.call("DELETE", "/apps/hello/formations/nope").status == 404);
  CHECK(api.call("POST", "/apps/hello/dynos/nope/actions/stop").status == 404);
  api.on_strand(
      [&] { api.control.failure = Error{ErrorKind::unavailable, "the engine does not answer"}; });
  const auto failed = api.call("DELETE", "/apps/hello/dynos");
  CHECK(failed.status == 503);
  CHECK(error_id(failed) == "unavailable");
}

TEST_CASE("a command in a replica that runs gets a URL to attach to, and one that is not is told") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto started = api.call("POST", "/apps/hello/dynos/web.1/actions/exec",
                                R"({"command":"ls","env":{"COLUMNS":"99"}})");
  CHECK(started.status == 201);
  CHECK(text_at(body_of(started), "/name") == "web.1");
  CHECK(text_at(body_of(started), "/attach_url").ends_with("/attach/open-sesame"));
  CHECK(api.on_strand([&] { return api.control.last_run->terminal; }));
  CHECK(api.on_strand([&] { return api.control.last_run->columns; }) == 99);
  CHECK(api.call("POST", "/apps/hello/dynos/web.1/actions/exec",
                 R"({"command":"ls","force_no_tty":true})")
            .status == 201);
  CHECK_FALSE(api.on_strand([&] { return api.control.last_run->terminal; }));
  CHECK(api.call("POST", "/apps/hello/dynos/web.7/actions/exec", R"({"command":"ls"})").status ==
        404);
  CHECK(api.call("POST", "/apps/hello/dynos/web.1/actions/exec", "{}").status == 422);
}

TEST_CASE(
    "a one-off gets its environment and size of terminal, and an attach URL at the caller's host") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto started = api.call(
      "POST", "/apps/hello/dynos",
      R"({"command":"bash","attach":true,"env":{"COLUMNS":"120","LINES":40,"TERM":"xterm"}})",
      {{"Host", "api.localhost:8080"}});
  CHECK(started.status == 201);
  CHECK(text_at(body_of(started), "/attach_url") == "ws://api.localhost:8080/attach/open-sesame");
  const auto run = api.on_strand([&] { return *api.control.last_run; });
  CHECK(run.terminal);
  CHECK(run.columns == 120);
  CHECK(run.rows == 40);
  CHECK(run.env.at("TERM") == "xterm");
  const auto piped = api.call("POST", "/apps/hello/dynos",
                              R"({"command":"cat","attach":true,"force_no_tty":true})");
  CHECK(piped.status == 201);
  CHECK_FALSE(api.on_strand([&] { return api.control.last_run->terminal; }));
  const auto detached = api.call("POST", "/apps/hello/dynos", R"({"command":"true"})");
  CHECK(text_at(body_of(detached), "/attach_url") == "null");
  for (const char* wrong : {"{}", R"({"command":""})", R"({"command":"x","size":"huge"})",
                            R"({"command":"x","env":{"A B":"1"}})", R"({"command":"x\u0000y"})"})
    CHECK(api.call("POST", "/apps/hello/dynos", wrong).status == 422);
}
