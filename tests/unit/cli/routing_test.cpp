// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "routing:set sends what is set, routing:unset null, both show all") {
  server.on("PATCH /apps/shop/routing", [](const Asked& asked) {
    if (asked.body == R"({"rate_limit":"100/s","allow_from":"10.0.0.0/8,192.0.2.7"})")
      return Answer{.body = R"({"rate_limit":"100/s","sticky":null,"users":["ada","bob"]})"};
    if (asked.body == R"({"rate_limit":null,"sticky":null})")
      return Answer{.body = R"({"rate_limit":null,"users":[]})"};
    return Answer{.status = 422, .body = "{}"};
  });
  CHECK(run({"routing:set", "rate_limit=100/s", "allow_from=10.0.0.0/8,192.0.2.7", "-a", "shop"}) ==
        0);
  CHECK(printed() == "rate_limit  100/s\nsticky      -\nusers       ada, bob\n");
  CHECK(run({"routing:unset", "rate_limit", "sticky", "-a", "shop"}) == 0);
  CHECK(printed() == "rate_limit  -\nusers       -\n");
  CHECK(run({"routing:set", "rate_limit", "-a", "shop"}) != 0);
  CHECK_CONTAINS(noted(), "'rate_limit' is not NAME=VALUE.");
}

TEST_CASE_FIXTURE(Fixture, "routing:users:add reads the password from the input") {
  server.on("PUT /apps/shop/routing/users/ada", [](const Asked& asked) {
    return Answer{.status = asked.body == R"({"password":"open sesame"})" ? 200 : 422,
                  .body = R"({"users":["ada"]})"};
  });
  console.typed = {"open sesame"};
  CHECK(run({"routing:users:add", "ada", "-a", "shop"}) == 0);
  CHECK(printed() == "ada can come in to shop; others cannot, without a password\n");
  CHECK(run({"routing:users:add", "ada", "-a", "shop"}) != 0);
  CHECK_CONTAINS(noted(), "Give the password");
  server.json("DELETE /apps/shop/routing/users/ada", R"({"users":[]})");
  CHECK(run({"routing:users:remove", "ada", "-a", "shop"}) == 0);
  CHECK_CONTAINS(noted(), "everybody may come in now");
}

TEST_CASE_FIXTURE(Fixture, "pages come from files") {
  REQUIRE(write_file(directory.path() / "down.html", "<h1>soon</h1>").has_value());
  server.on("PUT /apps/shop/routing/pages/maintenance", [](const Asked& asked) {
    return Answer{.status = asked.body == R"({"html":"<h1>soon</h1>"})" ? 200 : 422, .body = "{}"};
  });
  CHECK(run({"routing:pages:set", "maintenance", directory.path() / "down.html", "-a", "shop"}) ==
        0);
  CHECK(printed() == "Set the maintenance page of shop (13 B)\n");
  CHECK(run({"routing:pages:set", "maintenance", "/nowhere", "-a", "shop"}) != 0);
  server.json("DELETE /apps/shop/routing/pages/maintenance", "{}");
  CHECK(run({"routing:pages:unset", "maintenance", "-a", "shop"}) == 0);
  CHECK(printed() == "Removed the maintenance page of shop\n");
}

}  // namespace berth::test
