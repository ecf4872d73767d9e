// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

namespace {

constexpr const char* couplings = R"([
    {"id":"1","app":{"id":"a","name":"shop-staging"},"pipeline":{"id":"p","name":"shop"},
     "stage":"staging"},
    {"id":"2","app":{"id":"b","name":"shop"},"pipeline":{"id":"p","name":"shop"},
     "stage":"production"},
    {"id":"3","app":{"id":"c","name":"shop-eu"},"pipeline":{"id":"p","name":"shop"},
     "stage":"production"}])";
constexpr const char* coupling =
    R"({"id":"1","app":{"id":"a","name":"shop-staging"},"pipeline":{"id":"p","name":"shop"},
        "stage":"staging"})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "pipelines:promote waits for every app of the next stage") {
  server.json("GET /apps/shop-staging/pipeline-couplings", coupling);
  server.json("GET /pipelines/p/pipeline-couplings", couplings);
  server.json("POST /pipeline-promotions", R"({"id":"x"})");
  int looks = 0;
  server.on("GET /pipeline-promotions/x/promotion-targets", [&](const Asked&) {
    return Answer{.body = ++looks == 1
                              ? R"([{"app":{"id":"b","name":"shop"},"status":"pending"},
                                    {"app":{"id":"c","name":"shop-eu"},"status":"pending"}])"
                              : R"([{"app":{"id":"b","name":"shop"},"status":"succeeded",
                                     "error_message":null},
                                    {"app":{"id":"c","name":"shop-eu"},"status":"failed",
                                     "error_message":"the release command failed"}])"};
  });
  CHECK(run({"pipelines:promote", "-a", "shop-staging"}) == 1);
  CHECK(printed() ==
        "shop: succeeded\n"
        "shop-eu: failed: the release command failed\n");
  CHECK(*parse_json(server.last("POST /pipeline-promotions").body) ==
        *parse_json(R"({"pipeline":{"id":"p"},"source":{"app":{"id":"a"}},
                        "targets":[{"app":{"id":"b"}},{"app":{"id":"c"}}]})"));
}

TEST_CASE_FIXTURE(Fixture, "pipelines:promote --to promotes to the apps that are named") {
  server.json("GET /apps/shop-staging/pipeline-couplings", coupling);
  server.json("GET /apps/shop-eu", R"({"id":"c","name":"shop-eu"})");
  server.json("POST /pipeline-promotions", R"({"id":"x"})");
  server.json("GET /pipeline-promotions/x/promotion-targets",
              R"([{"app":{"id":"c","name":"shop-eu"},"status":"succeeded","error_message":null}])");
  CHECK(run({"pipelines:promote", "-a", "shop-staging", "--to", "shop-eu"}) == 0);
  CHECK(printed() == "shop-eu: succeeded\n");
}

TEST_CASE_FIXTURE(Fixture, "an app in the last stage, or before an empty one, is not promoted") {
  server.json("GET /apps/shop/pipeline-couplings",
              R"({"id":"2","app":{"id":"b"},"pipeline":{"id":"p","name":"shop"},
                  "stage":"production"})");
  CHECK(run({"pipelines:promote", "-a", "shop"}) == 1);
  CHECK_CONTAINS(noted(), "no stage comes after it");
  server.json("GET /apps/dev/pipeline-couplings",
              R"({"id":"4","app":{"id":"d"},"pipeline":{"id":"p","name":"shop"},
                  "stage":"development"})");
  server.json("GET /pipelines/p/pipeline-couplings", "[]");
  CHECK(run({"pipelines:promote", "-a", "dev"}) == 1);
  CHECK_CONTAINS(noted(), "has no app in staging");
}

TEST_CASE_FIXTURE(Fixture, "pipelines:create needs a stage, and leaves nothing half done") {
  CHECK(run({"pipelines:create", "shop", "-a", "shop"}) == 2);
  CHECK_CONTAINS(noted(), "--stage development, staging or production");
  server.json("GET /apps/shop", R"({"id":"b","name":"shop"})");
  server.json("POST /pipelines", R"({"id":"p","name":"shop"})");
  server.on("POST /pipeline-couplings", [](const Asked&) {
    return Answer{.status = 409, .body = R"({"id":"conflict","message":"it is in another"})"};
  });
  server.json("DELETE /pipelines/p", "{}");
  CHECK(run({"pipelines:create", "shop", "-a", "shop", "--stage", "production"}) == 1);
  CHECK_CONTAINS(noted(), "it is in another");
  CHECK(server.last("DELETE /pipelines/p").body == "");
  server.json("POST /pipeline-couplings",
              R"({"id":"2","pipeline":{"id":"p","name":"shop"},"stage":"production"})");
  CHECK(run({"pipelines:create", "shop", "-a", "shop", "--stage", "production"}) == 0);
  CHECK(printed() == "shop is in the pipeline shop, in production\n");
}

TEST_CASE_FIXTURE(Fixture, "pipelines:info shows what serves in each stage") {
  server.json("GET /pipelines/shop", R"({"id":"p","name":"shop"})");
  server.json("GET /pipelines/shop/pipeline-couplings", couplings);
  const auto release = [&](const std::string& app, const char* text) {
    server.json("GET /apps/" + app + "/releases", text);
  };
  release("shop-staging",
          R"([{"version":7,"current":true,"commit":"1a2b3c4d5e","image":"sha256:0123456789abcdef",
               "created_at":"2026-11-23T11:57:00Z"}])");
  release("shop", R"([{"version":9,"current":false},
                      {"version":8,"current":true,"commit":"1a2b3c4d5e",
                       "image":"sha256:0123456789abcdef","created_at":"2026-11-23T11:57:00Z"}])");
  release("shop-eu", "[]");
  CHECK(run({"pipelines:info", "shop"}) == 0);
  CHECK(printed() ==
        "shop\n"
        "  STAGE       APP           RELEASE  COMMIT   IMAGE         RELEASED\n"
        "  staging     shop-staging  v7       1a2b3c4  0123456789ab  3 min ago\n"
        "  production  shop          v8       1a2b3c4  0123456789ab  3 min ago\n"
        "  production  shop-eu\n");
}

}  // namespace berth::test
