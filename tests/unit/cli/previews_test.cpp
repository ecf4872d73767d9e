// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "previews are listed with their URL and when they expire") {
  server.json("GET /apps/shop/previews", R"([
      {"name":"fix-42--shop","state":"asleep","release":2,
       "web_url":"http://fix-42--shop.localhost:8080/",
       "preview":{"name":"fix-42","app":{"id":"1","name":"shop"},
                  "expires_at":"2026-11-23T12:03:00Z"}},
      {"name":"keep--shop","state":"running","release":1,
       "web_url":"http://keep--shop.localhost:8080/",
       "preview":{"name":"keep","app":{"id":"1","name":"shop"},"expires_at":null}}])");
  CHECK(run({"previews", "-a", "shop"}) == 0);
  CHECK(printed() ==
        "NAME    APP           STATE    RELEASE  EXPIRES   URL\n"
        "fix-42  fix-42--shop  asleep   v2       in 3 min  http://fix-42--shop.localhost:8080/\n"
        "keep    keep--shop    running  v1       never     http://keep--shop.localhost:8080/\n");
  server.json("GET /apps/shop/previews", "[]");
  CHECK(run({"previews", "-a", "shop"}) == 0);
  CHECK_CONTAINS(noted(), "git push berth HEAD:refs/previews/NAME");
}

TEST_CASE_FIXTURE(Fixture, "previews:destroy destroys one by its name") {
  server.json("DELETE /apps/shop/previews/fix-42", R"({"name":"fix-42--shop"})");
  CHECK(run({"previews:destroy", "fix-42", "-a", "shop"}) == 0);
  CHECK(printed() == "Destroyed preview fix-42 of shop\n");
}

}  // namespace berth::test
