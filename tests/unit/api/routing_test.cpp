// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("settings of routing are kept, applied, shown, and unset by null") {
  ApiFixture api;
  api.deployed_app("hello");
  const json::value before = body_of(api.call("GET", "/apps/hello/routing"));
  CHECK(before.at("rate_limit").is_null());
  CHECK(before.at("users") == json::array{});
  api.on_strand([&] { api.control.calls.clear(); });
  const auto set = api.call("PATCH", "/apps/hello/routing",
                            R"({"rate_limit":"100/s","max_in_flight":50,"sticky":true})");
  CHECK(set.status == 200);
  CHECK(text_at(body_of(set), "/rate_limit") == "100/s");
  CHECK(text_at(body_of(set), "/max_in_flight") == "50");
  CHECK(text_at(body_of(set), "/sticky") == "on");
  CHECK(body_of(api.call("GET", "/apps/hello/routing")) == body_of(set));
  const auto calls = api.on_strand([&] { return api.control.calls; });
  REQUIRE(calls.size() == 1);
  CHECK(calls.front().starts_with("reconcile "));
  const auto unset = api.call("PATCH", "/apps/hello/routing",
                              R"({"rate_limit":null,"max_in_flight":null,"sticky":null})");
  CHECK(body_of(unset) == before);
  for (const char* body : {R"({"rate_limit":"fast"})", R"({"rate_limit":[1]})", R"({"speed":"1"})"})
    CHECK_MESSAGE(api.call("PATCH", "/apps/hello/routing", body).status == 422, body);
}

TEST_CASE("users of an app are named, their passwords never shown") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto added =
      api.call("PUT", "/apps/hello/routing/users/ada", R"({"password":"open sesame"})");
  CHECK(added.status == 200);
  CHECK(body_of(added).at("users") == json::array{"ada"});
  CHECK(added.body.find("argon2") == std::string::npos);
  CHECK(api.call("GET", "/apps/hello/events").body.find("sesame") == std::string::npos);
  CHECK(api.call("PUT", "/apps/hello/routing/users/a%3Ab", R"({"password":"x"})").status == 422);
  CHECK(api.call("PUT", "/apps/hello/routing/users/ada", R"({"password":""})").status == 422);
  CHECK(api.call("DELETE", "/apps/hello/routing/users/bob").status == 404);
  CHECK(body_of(api.call("DELETE", "/apps/hello/routing/users/ada")).at("users") ==
        json::array{});
}

TEST_CASE("pages of an app are kept, and have a limit") {
  ApiFixture api;
  api.deployed_app("hello");
  const std::string page = "/apps/hello/routing/pages/maintenance";
  CHECK(body_of(api.call("GET", page)).at("html").is_null());
  CHECK(body_of(api.call("PUT", page, R"({"html":"<h1>soon</h1>"})")).at("pages") ==
        json::array{"maintenance"});
  CHECK(text_at(body_of(api.call("GET", page)), "/html") == "<h1>soon</h1>");
  const std::string large = R"({"html":")" + std::string(70'000, 'x') + "\"}";
  CHECK(api.call("PUT", page, large).status == 422);
  CHECK(api.call("PUT", page, R"({"html":""})").status == 422);
  CHECK(api.call("PUT", "/apps/hello/routing/pages/welcome", R"({"html":"x"})").status == 404);
  CHECK(body_of(api.call("DELETE", page)).at("pages") == json::array{});
}
