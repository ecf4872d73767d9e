// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// A pipeline "shop" with "shop-staging" before "shop".
void make_pipeline(ApiFixture& api) {
  (void)api.deployed_app("shop-staging");
  (void)api.deployed_app("shop");
  CHECK(api.call("POST", "/pipelines", R"({"name":"shop","owner":{"id":"x","type":"user"}})")
            .status == 201);
  for (const auto& [app, stage] : {std::pair{"shop-staging", "staging"},
                                   std::pair{"shop", "production"}})
    CHECK(api.call("POST", "/pipeline-couplings",
                   to_text(json::object{{"app", app}, {"pipeline", "shop"}, {"stage", stage}}))
              .status == 201);
}

}  // namespace

TEST_CASE("a pipeline is created, found by name, renamed and destroyed") {
  ApiFixture api;
  make_pipeline(api);
  const auto found = body_of(api.call("GET", "/pipelines?eq%5Bname%5D=shop"));
  REQUIRE(found.get_array().size() == 1);
  CHECK(text_at(found, "/0/owner/type") == "user");
  CHECK(body_of(api.call("GET", "/pipelines?eq%5Bname%5D=other")).get_array().empty());
  const std::string id = text_at(found, "/0/id");
  CHECK(api.call("POST", "/pipelines", R"({"name":"X"})").status == 422);
  CHECK(text_at(body_of(api.call("PATCH", "/pipelines/" + id, R"({"name":"store"})")), "/name") ==
        "store");
  CHECK(api.call("DELETE", "/pipelines/" + id).status == 200);
  CHECK(api.call("GET", "/pipelines/" + id).status == 404);
  CHECK(body_of(api.call("GET", "/pipeline-couplings")).get_array().empty());
}

TEST_CASE("the apps of a pipeline are known by their stages, which may change") {
  ApiFixture api;
  make_pipeline(api);
  const auto all = body_of(api.call("GET", "/pipelines/shop/pipeline-couplings"));
  CHECK(text_at(all, "/0/stage") == "staging");
  CHECK(text_at(all, "/0/app/name") == "shop-staging");
  CHECK(text_at(all, "/1/stage") == "production");
  const std::string id = text_at(all, "/0/id");
  const auto mine = body_of(api.call("GET", "/apps/shop-staging/pipeline-couplings"));
  CHECK(mine == all.at(0));
  CHECK(text_at(mine, "/pipeline/name") == "shop");
  CHECK(text_at(body_of(api.call("PATCH", "/pipeline-couplings/" + id,
                                 R"({"stage":"development"})")), "/stage") == "development");
  const auto review = api.call("PATCH", "/pipeline-couplings/" + id, R"({"stage":"review"})");
  CHECK(review.status == 422);
  CHECK(text_at(body_of(review), "/message").find("refs/previews/NAME") != std::string::npos);
  CHECK(api.call("DELETE", "/pipeline-couplings/" + id).status == 200);
  CHECK(api.call("GET", "/apps/shop-staging/pipeline-couplings").status == 404);
  const auto apps = api.call("POST", "/filters/apps",
                             R"({"in":{"id":[")" + text_at(all, "/1/app/id") + R"(","none"]}})");
  CHECK(text_at(body_of(apps), "/0/name") == "shop");
  CHECK(body_of(apps).get_array().size() == 1);
}

TEST_CASE("a promotion tells for each app how its release fares") {
  ApiFixture api;
  make_pipeline(api);
  const auto all = body_of(api.call("GET", "/pipelines/shop/pipeline-couplings"));
  const std::string wanted = R"({"pipeline":{"id":")" + text_at(all, "/0/pipeline/id") +
                             R"("},"source":{"app":{"id":")" + text_at(all, "/0/app/id") +
                             R"("}},"targets":[{"app":{"id":")" + text_at(all, "/1/app/id") +
                             R"("}}]})";
  api.on_strand([&] { api.control.calls.clear(); });
  const auto made = api.call("POST", "/pipeline-promotions", wanted);
  CHECK(made.status == 201);
  CHECK(text_at(body_of(made), "/status") == "pending");
  CHECK(api.on_strand([&] { return api.control.calls; }) ==
        std::vector<std::string>{"reconcile " + text_at(all, "/1/app/id")});
  const std::string path = "/pipeline-promotions/" + text_at(body_of(made), "/id");
  const auto targets = body_of(api.call("GET", path + "/promotion-targets"));
  CHECK(text_at(targets, "/0/status") == "pending");
  CHECK(text_at(targets, "/0/error_message") == "null");
  const std::string release = text_at(targets, "/0/release/id");
  api.on_strand([&] {
    api.store.settle_release(platform::ReleaseId(release), platform::ReleaseStatus::failed,
                             "the release command exited with status 3");
  });
  const auto after = body_of(api.call("GET", path + "/promotion-targets"));
  CHECK(text_at(after, "/0/status") == "failed");
  CHECK(text_at(after, "/0/error_message") == "the release command exited with status 3");
  CHECK(text_at(body_of(api.call("GET", path)), "/status") == "completed");
  CHECK(api.call("POST", "/pipeline-promotions", "{}").status == 422);
}
