// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("a placement is kept, shown with the pools it allows, and looked at at once") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  CHECK(body_of(api.call("GET", "/apps/hello/placement")) ==
        json::value{{"placement", json::object{}}, {"pools", {"default"}}});
  api.on_strand([&] { api.control.calls.clear(); });
  const auto placed = api.call("PATCH", "/apps/hello/placement",
                               R"({"placement":{"region":"eu","oci":"runsc"}})");
  CHECK(placed.status == 200);
  CHECK(body_of(placed) == json::value{{"placement", {{"oci", "runsc"}, {"region", "eu"}}},
                                       {"pools", {"far"}}});
  CHECK(body_of(api.call("GET", "/apps/hello/placement")) == body_of(placed));
  CHECK(api.on_strand([&] { return api.control.calls; }) ==
        std::vector<std::string>{"reconcile " + app.id.value});
  CHECK(body_of(api.call("PATCH", "/apps/hello/placement", R"({"placement":{}})")) ==
        json::value{{"placement", json::object{}}, {"pools", {"default"}}});
}

TEST_CASE("a placement that cannot be meant, or that no pool has, changes nothing") {
  ApiFixture api;
  api.deployed_app("hello");
  for (const char* body : {"{}", R"({"placement":"far"})", R"({"placement":{"pool":7}})",
                           R"({"placement":{"oci":"docker"}})", R"({"placement":{"pool":"F"}})"})
    CHECK_MESSAGE(api.call("PATCH", "/apps/hello/placement", body).status == 422, body);
  const auto nowhere =
      api.call("PATCH", "/apps/hello/placement", R"({"placement":{"pool":"near"}})");
  CHECK(nowhere.status == 422);
  CHECK(text_at(body_of(nowhere), "/message") ==
        "no pool has all of these labels. There are: default, far; `berth pools` shows theirs");
  CHECK(body_of(api.call("GET", "/apps/hello/placement")).at("pools") == json::value{"default"});
}

TEST_CASE("pools are shown with what is declared in them") {
  ApiFixture api;
  api.on_strand([&] {
    api.control.shown_pools = {{.name = "default",
                                .labels = {{"pool", "default"}},
                                .oci = "native",
                                .replicas = 3,
                                .memory_bytes = 8,
                                .memory_declared_bytes = 5,
                                .memory_takes_bytes = 64,
                                .cpu_milli = 2000,
                                .cpu_declared_milli = 3000}};
  });
  CHECK(body_of(api.call("GET", "/pools")) ==
        json::value(json::array{{{"name", "default"},
                                 {"labels", {{"pool", "default"}}},
                                 {"oci", "native"},
                                 {"replicas", 3},
                                 {"memory", 8},
                                 {"memory_declared", 5},
                                 {"memory_takes", 64},
                                 {"cpu", 2000},
                                 {"cpu_declared", 3000},
                                 {"cpu_takes", 0}}}));
}
