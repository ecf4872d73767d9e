// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "network:egress sends a word or a list, and shows what holds now") {
  const std::string list = R"(["10.0.0.0/8:5432","192.0.2.7"])";
  server.on("PATCH /apps/shop/network", [list](const Asked& asked) {
    if (asked.body == R"({"egress":"none"})")
      return Answer{.body = R"({"egress":{"policy":"none","allowed":[]}})"};
    if (asked.body == R"({"egress":)" + list + "}")
      return Answer{.body = R"({"egress":{"policy":"list","allowed":)" + list + "}}"};
    return Answer{.status = 422, .body = "{}"};
  });
  CHECK(run({"network:egress", "none", "-a", "shop"}) == 0);
  CHECK(printed() == "Egress: none\n");
  CHECK(run({"network:egress", "10.0.0.0/8:5432", "192.0.2.7", "-a", "shop"}) == 0);
  CHECK(printed() == "Egress: only to\n  10.0.0.0/8:5432\n  192.0.2.7\n");
  server.json("GET /apps/shop/network", R"({"egress":{"policy":"all","allowed":[]}})");
  CHECK(run({"network", "-a", "shop"}) == 0);
  CHECK(printed() == "Egress: all\n");
}

}  // namespace berth::test
