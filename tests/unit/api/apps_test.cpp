// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("an app is created by name, shown with its addresses, renamed and destroyed") {
  ApiFixture api;
  const auto made = api.call("POST", "/apps", R"({"name":"hello","region":"us","stack":"x"})");
  CHECK(made.status == 201);
  CHECK(text_at(body_of(made), "/web_url") == "http://hello.localhost:8080/");
  CHECK(text_at(body_of(made), "/git_url") == "http://git.localhost:8080/hello.git");
  CHECK(text_at(body_of(made), "/state") == "empty");
  CHECK(text_at(body_of(made), "/release") == "null");
  const std::string id = text_at(body_of(made), "/id");

  CHECK(text_at(body_of(api.call("GET", "/apps/hello")), "/id") == id);
  CHECK(text_at(body_of(api.call("GET", "/apps/" + id)), "/name") == "hello");
  const auto renamed = api.call("PATCH", "/apps/hello", R"({"name":"bye","maintenance":true})");
  CHECK(renamed.status == 200);
  CHECK(text_at(body_of(renamed), "/name") == "bye");
  CHECK(text_at(body_of(renamed), "/state") == "maintenance");
  CHECK(api.call("GET", "/apps/hello").status == 404);

  const auto gone = api.call("DELETE", "/apps/bye");
  CHECK(gone.status == 200);
  CHECK(text_at(body_of(gone), "/name") == "bye");
  CHECK(body_of(api.call("GET", "/apps")).get_array().empty());
  const auto calls = api.on_strand([&] { return api.control.calls; });
  CHECK(calls == std::vector<std::string>{"reconcile " + id, "reconcile " + id, "destroyed bye"});
}

TEST_CASE("an app without a name gets one") {
  ApiFixture api;
  for (const char* body : {"", "{}", R"({"name":null})"}) {
    const auto made = api.call("POST", "/apps", body);
    CHECK(made.status == 201);
    CHECK_FALSE(platform::AppName::parse(text_at(body_of(made), "/name")).has_error());
  }
}

TEST_CASE("a bad or taken app name is refused with the reason, and nothing is made") {
  ApiFixture api;
  CHECK(api.call("POST", "/apps", R"({"name":"hello"})").status == 201);
  const auto taken = api.call("POST", "/apps", R"({"name":"hello"})");
  CHECK(taken.status == 409);
  CHECK(error_id(taken) == "conflict");
  CHECK(text_at(body_of(taken), "/message") ==
        "the app name 'hello' is taken. Choose another name");
  for (const std::string name : {"../x", "two words", "api", "", "ünï"}) {
    const auto refused = api.call("POST", "/apps", to_text(json::object{{"name", name}}));
    CHECK(refused.status == 422);
    CHECK(error_id(refused) == "invalid_params");
  }
  CHECK(api.call("POST", "/apps", to_text(json::object{{"name", std::string(200, 'a')}})).status ==
        422);
  CHECK(api.call("POST", "/apps", R"({"name":7})").status == 422);
  CHECK(body_of(api.call("GET", "/apps")).get_array().size() == 1);
}

TEST_CASE("what is not found says which kind of thing it was") {
  ApiFixture api;
  const auto missing = api.call("GET", "/apps/nope");
  CHECK(missing.status == 404);
  CHECK(error_id(missing) == "not_found");
  CHECK(text_at(body_of(missing), "/resource") == "app");
  api.deployed_app("hello");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/releases/v99")), "/resource") == "release");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/builds/x")), "/resource") == "build");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/formation/x")), "/resource") == "formation");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/dynos/web.9")), "/resource") == "dyno");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/domains/x.example")), "/resource") ==
        "domain");
  CHECK(text_at(body_of(api.call("DELETE", "/oauth/authorizations/x")), "/resource") ==
        "authorization");
}

TEST_CASE("config vars are merged, null unsets, and a change makes a release") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto set = api.call("PATCH", "/apps/hello/config-vars", R"({"A":"1","B":"two"})");
  CHECK(set.status == 200);
  CHECK(body_of(set) == json::value{{"A", "1"}, {"B", "two"}});
  CHECK(body_of(api.call("PATCH", "/apps/hello/config-vars", R"({"A":null})")) ==
        json::value{{"B", "two"}});
  CHECK(body_of(api.call("GET", "/apps/hello/config-vars")) == json::value{{"B", "two"}});
  const auto releases = body_of(api.call("GET", "/apps/hello/releases"));
  CHECK(releases.get_array().size() == 3);
  CHECK(text_at(releases, "/1/description") == "Set A, B");
  CHECK(text_at(releases, "/2/description") == "Unset A");
}

TEST_CASE("a config var of the wrong type or name changes nothing") {
  ApiFixture api;
  api.deployed_app("hello");
  for (const char* body : {R"({"GOOD":"1","N":1})", R"({"GOOD":"1","1X":"y"})", R"({"PORT":"1"})",
                           R"({"CNB_X":"1"})"}) {
    const auto refused = api.call("PATCH", "/apps/hello/config-vars", body);
    CHECK(refused.status == 422);
    CHECK(error_id(refused) == "invalid_params");
  }
  CHECK(body_of(api.call("GET", "/apps/hello/config-vars")).get_object().empty());
}

TEST_CASE("the state of an app tells asleep from stopped from crashed") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  const auto state = [&] { return text_at(body_of(api.call("GET", "/apps/hello")), "/state"); };
  CHECK(state() == "running");
  api.on_strand([&] { api.control.shown_replicas[app.id.value][0].state = "crashed"; });
  CHECK(state() == "crashed");
  CHECK(api.call("PATCH", "/apps/hello/formation/web", R"({"quantity":0})").status == 200);
  CHECK(state() == "stopped");
  CHECK(api.call("PATCH", "/apps/hello/formation/web",
                 R"({"quantity":0,"autoscaling":{"min":0,"max":2,"rps":5}})")
            .status == 200);
  CHECK(state() == "asleep");
  CHECK(api.call("PATCH", "/apps/hello/config-vars", R"({"A":"1"})").status == 200);
  CHECK(state() == "deploying");
}

TEST_CASE("a rollback to a release whose image was collected says so and makes no release") {
  ApiFixture api;
  api.deployed_app("hello");
  api.on_strand([&] {
    api.control.collected = Error{ErrorKind::not_found, "the image of v1 is no longer kept"};
  });
  const auto refused = api.call("POST", "/apps/hello/releases", R"({"release":"v1"})");
  CHECK(refused.status == 404);
  CHECK(text_at(body_of(refused), "/message") == "the image of v1 is no longer kept");
  CHECK(body_of(api.call("GET", "/apps/hello/releases")).get_array().size() == 1);
}

TEST_CASE("a build that runs is cancelled in the caller's name; one that ended is a conflict") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  const auto build =
      api.on_strand([&] { return api.store.create_build(app.id, "1a2b3c", {"ada"}).value(); });
  const std::string path = "/apps/hello/builds/" + build.id.value + "/actions/cancel";
  const auto cancelled = api.call("POST", path);
  CHECK(cancelled.status == 202);
  CHECK(text_at(body_of(cancelled), "/id") == build.id.value);
  const auto calls = api.on_strand([&] { return api.control.calls; });
  CHECK(calls.back().starts_with("cancel 1a2b3c by "));
  api.on_strand([&] { api.control.failure = Error{ErrorKind::conflict, "the build has ended"}; });
  CHECK(api.call("POST", path).status == 409);
  CHECK(api.call("POST", "/apps/hello/builds/none/actions/cancel").status == 404);
}

TEST_CASE("disk usage and prune are the control plane's answers; a dry run is passed on") {
  ApiFixture api;
  api.on_strand([&] {
    api.control.shown_disk = {{"free_bytes", 7}};
    api.control.shown_prune = {{"bytes", 3}};
  });
  CHECK(body_of(api.call("GET", "/disk-usage")) == json::value{{"free_bytes", 7}});
  CHECK(body_of(api.call("POST", "/disk-usage/actions/prune", R"({"dry_run":true})")) ==
        json::value{{"bytes", 3}});
  CHECK(api.call("POST", "/disk-usage/actions/prune").status == 200);
  const auto calls = api.on_strand([&] { return api.control.calls; });
  CHECK(calls == std::vector<std::string>{"prune (dry run)", "prune"});
}
