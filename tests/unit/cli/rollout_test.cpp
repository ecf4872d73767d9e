// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "rollout:set and rollout:unset send what changes, and show all") {
  server.on("PATCH /apps/shop/rollout", [](const Asked& asked) {
    const bool known = asked.body == R"({"surge":"1","canary":"5%"})" ||
                       asked.body == R"({"surge":null,"canary":null})";
    return Answer{.status = known ? 200 : 422,
                  .body = R"({"surge":"1","unavailable":"0","rollback":"5m","canary":"5%",)"
                          R"("promote":"10m"})"};
  });
  CHECK(run({"rollout:set", "surge=1", "canary=5%", "-a", "shop"}) == 0);
  const std::string text = printed();
  for (const char* part : {"Surge", "Unavailable", "5m", "5%", "10m"})
    CHECK_MESSAGE(text.find(part) != text.npos, part);
  CHECK(run({"rollout:unset", "surge", "canary", "-a", "shop"}) == 0);
  CHECK(run({"rollout:set", "surge", "-a", "shop"}) == 2);
}

TEST_CASE_FIXTURE(Fixture, "releases:canary makes one, shows how it fares, and ends it") {
  server.on("POST /apps/shop/canary", [](const Asked& asked) {
    if (asked.body == R"({"release":"v12","weight":5})" ||
        asked.body == R"({"release":"v14","weight":25})")
      return Answer{.status = 201, .body = R"({"version":14,"description":"Canary of v12"})"};
    return Answer{.status = 422, .body = "{}"};
  });
  server.json("GET /apps/shop/canary",
              R"({"release":{"version":14,"description":"Canary of v12"},"weight":5,
                  "promote":"10m","since":"2026-01-01T00:00:00Z",
                  "canary":{"requests":40,"failed":2,"p95_ms":18.2},
                  "regular":{"requests":0,"failed":0,"p95_ms":0}})");
  CHECK(run({"releases:canary", "v12", "-a", "shop"}) == 0);
  CHECK(printed() == "shop: v14 (Canary of v12) gets 5% of the requests\n");
  CHECK(run({"releases:canary", "--weight", "25%", "-a", "shop"}) == 0);
  CHECK(printed() == "shop: v14 (Canary of v12) gets 25% of the requests\n");
  CHECK(run({"releases:canary", "v12", "--weight", "100%", "-a", "shop"}) == 2);
  CHECK(run({"releases:canary", "-a", "shop"}) == 0);
  const std::string text = printed();
  for (const char* part : {"v14: Canary of v12", "5% of the requests",
                           "40 requests, 5.0 % failed, 95 % took up to 18 ms", "no request yet",
                           "by itself, if it fares well for 10m"})
    CHECK_MESSAGE(text.find(part) != text.npos, part);
  server.json("POST /apps/shop/canary/actions/promote", R"({"version":14})");
  server.json("POST /apps/shop/canary/actions/abort", R"({"version":14})");
  CHECK(run({"releases:promote", "-a", "shop"}) == 0);
  CHECK(printed() == "shop: v14 is promoted: it gets all requests\n");
  CHECK(run({"releases:abort", "-a", "shop"}) == 0);
  CHECK(printed() == "shop: v14 is aborted: it gets no requests\n");
}

}  // namespace berth::test
