// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

TEST_CASE_FIXTURE(Fixture, "placement:set sends words, and shows where that is") {
  server.on("PATCH /apps/shop/placement", [](const Asked& asked) {
    if (asked.body == R"({"placement":{"pool":"far","oci":"runsc"}})")
      return Answer{.body = R"({"placement":{"oci":"runsc","pool":"far"},"pools":["far"]})"};
    if (asked.body == R"({"placement":{}})")
      return Answer{.body = R"({"placement":{},"pools":["default"]})"};
    return Answer{.status = 422, .body = "{}"};
  });
  CHECK(run({"placement:set", "pool=far", "oci=runsc", "-a", "shop"}) == 0);
  CHECK(printed() == "Placement: oci=runsc pool=far\nPools:     far\n");
  CHECK(run({"placement:unset", "-a", "shop"}) == 0);
  CHECK(printed() == "Placement: default\nPools:     default\n");
  CHECK(run({"placement:set", "far", "-a", "shop"}) == 2);
  server.json("GET /apps/shop/placement", R"({"placement":{"pool":"gone"},"pools":[]})");
  CHECK(run({"placement", "-a", "shop"}) == 0);
  CHECK(printed() == "Placement: pool=gone\nPools:     none has these labels\n");
}

TEST_CASE_FIXTURE(Fixture, "pools are shown with what is declared of what they take") {
  server.json("GET /pools", R"([{"name":"default","labels":{"pool":"default"},"oci":"native",
      "replicas":3,"memory":8589934592,"memory_declared":1610612736,"memory_takes":68719476736,
      "cpu":2000,"cpu_declared":3000,"cpu_takes":0}])");
  CHECK(run({"pools"}) == 0);
  const std::string text = printed();
  for (const char* part : {"default", "pool=default", "native", "3", "1.5 of 64.0 GB", "3.0 CPU"})
    CHECK_MESSAGE(text.find(part) != text.npos, part);
}

}  // namespace berth::test
