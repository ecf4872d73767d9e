// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// v1 serves, v2 failed.
platform::App app_with_a_failed_release(ApiFixture& api) {
  const auto app = api.deployed_app("hello");
  api.on_strand([&] {
    const auto failed = api.store.create_release(
        app.id, {.image = "sha256:2", .processes = {{"web", "x"}}, .description = "Deploy"},
        {"ada@example.com"});
    api.store.settle_release(failed->id, platform::ReleaseStatus::failed, "exited");
  });
  return app;
}

}  // namespace

TEST_CASE("rollout settings change one by one, and return to their defaults") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  json::value expected{{"surge", "100%"},
                       {"unavailable", "0"},
                       {"rollback", "5m"},
                       {"canary", "off"},
                       {"promote", "10m"}};
  CHECK(body_of(api.call("GET", "/apps/hello/rollout")) == expected);
  api.on_strand([&] { api.control.calls.clear(); });
  const auto changed =
      api.call("PATCH", "/apps/hello/rollout", R"({"surge":"25%","canary":"5%"})");
  expected.at("surge") = "25%";
  expected.at("canary") = "5%";
  CHECK(body_of(changed) == expected);
  CHECK(api.on_strand([&] { return api.control.calls; }) ==
        std::vector<std::string>{"reconcile " + app.id.value});
  expected.at("surge") = "100%";
  CHECK(body_of(api.call("PATCH", "/apps/hello/rollout", R"({"surge":null})")) == expected);
  for (const char* body : {R"({"surge":1})", R"({"surge":"0"})", R"({"speed":"1"})",
                           R"({"canary":"100%"})", R"({"promote":"never"})"})
    CHECK_MESSAGE(api.call("PATCH", "/apps/hello/rollout", body).status == 422, body);
  CHECK(body_of(api.call("GET", "/apps/hello/rollout")) == expected);
}

TEST_CASE("a canary is made, shown with how it fares, given another share, and promoted") {
  ApiFixture api;
  app_with_a_failed_release(api);
  CHECK(api.call("GET", "/apps/hello/canary").status == 404);
  const auto made =
      api.call("POST", "/apps/hello/canary", R"({"release":"v2","weight":5})");
  CHECK(made.status == 201);
  CHECK(text_at(body_of(made), "/description") == "Canary of v2");
  CHECK(body_of(made).at("canary") == 5);
  api.on_strand([&] {
    api.control.shown_canary = {.since = Time(std::chrono::hours(480'000)),
                                .canary = {.requests = 20, .failed = 1, .p95_us = 1500},
                                .regular = {.requests = 380, .failed = 0, .p95_us = 900}};
  });
  const json::value shown = body_of(api.call("GET", "/apps/hello/canary"));
  CHECK(shown.at("weight") == 5);
  CHECK(shown.at("promote") == "10m");
  CHECK(shown.at("canary") ==
        json::value{{"requests", 20}, {"failed", 1}, {"p95_ms", 1.5}});
  CHECK(shown.at("regular").at("requests") == 380);
  CHECK(body_of(api.call("POST", "/apps/hello/canary", R"({"release":"v3","weight":50})"))
            .at("canary") == 50);
  CHECK(text_at(body_of(api.call("GET", "/apps/hello")), "/state") != "deploying");
  const auto promoted = api.call("POST", "/apps/hello/canary/actions/promote");
  CHECK(promoted.status == 200);
  CHECK(body_of(promoted).at("canary").is_null());
  CHECK(api.call("POST", "/apps/hello/canary/actions/abort").status == 409);
}

TEST_CASE("a canary that cannot be made changes nothing, and one that is aborted has failed") {
  ApiFixture api;
  app_with_a_failed_release(api);
  for (const char* body : {R"({"release":"v2"})", R"({"release":"v2","weight":0})",
                           R"({"release":"v2","weight":100})", R"({"weight":5})"})
    CHECK_MESSAGE(api.call("POST", "/apps/hello/canary", body).status == 422, body);
  CHECK(api.call("POST", "/apps/hello/canary", R"({"release":"v9","weight":5})").status == 404);
  CHECK(api.call("POST", "/apps/hello/canary", R"({"release":"v1","weight":5})").status == 409);
  REQUIRE(api.call("POST", "/apps/hello/canary", R"({"release":"v2","weight":5})").status == 201);
  const auto aborted = api.call("POST", "/apps/hello/canary/actions/abort");
  CHECK(text_at(body_of(aborted), "/status") == "failed");
  CHECK(text_at(body_of(aborted), "/message").starts_with("aborted by "));
}
