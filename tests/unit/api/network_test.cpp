// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE("an egress policy is kept, applied before the answer, and shown") {
  ApiFixture api;
  api.deployed_app("hello");
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/network")), "/egress/policy") == "all");
  api.on_strand([&] { api.control.calls.clear(); });
  const auto listed = api.call("PATCH", "/apps/hello/network",
                               R"({"egress":["10.1.2.3/8:5432","192.0.2.7"]})");
  CHECK(listed.status == 200);
  CHECK(body_of(listed).at("egress") ==
        json::value{{"policy", "list"}, {"allowed", {"10.0.0.0/8:5432", "192.0.2.7"}}});
  CHECK(body_of(api.call("GET", "/apps/hello/network")) == body_of(listed));
  CHECK(api.call("PATCH", "/apps/hello/network", R"({"egress":"none"})").status == 200);
  CHECK(api.on_strand([&] { return api.control.calls; }) ==
        std::vector<std::string>{"egress 10.0.0.0/8:5432 192.0.2.7", "egress none"});
}

TEST_CASE("an egress policy that cannot be meant changes nothing") {
  ApiFixture api;
  api.deployed_app("hello");
  for (const char* body : {"{}", R"({"egress":[]})", R"({"egress":7})", R"({"egress":[7]})",
                           R"({"egress":"some"})", R"({"egress":["example.com"]})"})
    CHECK_MESSAGE(api.call("PATCH", "/apps/hello/network", body).status == 422, body);
  CHECK(text_at(body_of(api.call("GET", "/apps/hello/network")), "/egress/policy") == "all");
}
