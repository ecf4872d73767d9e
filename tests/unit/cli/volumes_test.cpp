// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fixture.hpp"

namespace berth::test {

namespace {

constexpr const char* volume = R"({"name":"data","size":2147483648,"used":1048576,"shared":false,
    "mounts":[{"process_type":"web","path":"/data"}],"snapshots":2,"snapshots_used":4194304,
    "restoring":null})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "volumes shows what each takes and who has it") {
  server.json("GET /apps/shop/volumes", std::string("[") + volume + R"(,
      {"name":"files","size":1073741824,"used":0,"shared":true,
       "mounts":[{"process_type":"web","path":"/files"},{"process_type":"run","path":"/files"}],
       "snapshots":1,"snapshots_used":0,"restoring":"s1"}])");
  CHECK(run({"volumes", "-a", "shop"}) == 0);
  CHECK_CONTAINS(printed(), "data   2g ");
  CHECK_CONTAINS(printed(), "one at a time");
  CHECK_CONTAINS(printed(), "web:/files, run:/files");
  CHECK_CONTAINS(printed(), "restoring s1");
  server.json("GET /apps/shop/volumes", "[]");
  CHECK(run({"volumes", "-a", "shop"}) == 0);
  CHECK_CONTAINS(noted(), "berth volumes:create data --mount web:/data");
}

TEST_CASE_FIXTURE(Fixture, "volumes:create sends mounts, size and whether it is shared") {
  std::string asked_for;
  server.on("POST /apps/shop/volumes", [&](const Asked& asked) {
    asked_for = asked.body;
    return Answer{.status = 201, .body = volume};
  });
  CHECK(run({"volumes:create", "data", "--mount", "web:/data,worker:/data", "--size", "2g",
             "--shared", "-a", "shop"}) == 0);
  CHECK(asked_for ==
        R"({"name":"data","mounts":[{"process_type":"web","path":"/data"},)"
        R"({"process_type":"worker","path":"/data"}],"size":"2g","shared":true})");
  CHECK(printed() == "Created data of 2g at web:/data\n");
  CHECK(run({"volumes:create", "data", "-a", "shop"}) == 2);
  CHECK(run({"volumes:create", "data", "--mount", "/data", "-a", "shop"}) == 2);
  CHECK_CONTAINS(noted(), "'/data' is not a process type and a path.");
}

TEST_CASE_FIXTURE(Fixture, "volumes:destroy wants the volume's name again") {
  server.json("DELETE /apps/shop/volumes/data", volume);
  CHECK(run({"volumes:destroy", "data", "-a", "shop"}) == 2);
  CHECK_CONTAINS(noted(), "berth volumes:destroy data --confirm data -a shop");
  CHECK(run({"volumes:destroy", "data", "--confirm", "date", "-a", "shop"}) == 1);
  CHECK_CONTAINS(noted(), "nothing was destroyed");
  CHECK(run({"volumes:destroy", "data", "--confirm", "data", "-a", "shop"}) == 0);
  CHECK_CONTAINS(printed(), "Destroyed the volume data of shop");
}

TEST_CASE_FIXTURE(Fixture, "a volume is grown, copied and put back") {
  server.on("PATCH /apps/shop/volumes/data", [](const Asked& asked) {
    return Answer{.status = asked.body == R"({"size":"2g"})" ? 200 : 422, .body = volume};
  });
  CHECK(run({"volumes:resize", "data", "2g", "-a", "shop"}) == 0);
  CHECK(printed() == "data has 2g now\n");
  server.on("POST /apps/shop/volumes/data/snapshots", [](const Asked& asked) {
    return Answer{.status = asked.body == R"({"description":"before"})" ? 201 : 422,
                  .body = R"({"name":"s3","used":1048576})"};
  });
  CHECK(run({"volumes:snapshot", "data", "--description", "before", "-a", "shop"}) == 0);
  CHECK(printed() == "Made snapshot s3 of data: 1.0 MB\n");
  server.json("GET /apps/shop/volumes/data/snapshots",
              R"([{"name":"s3","used":1048576,"created_at":"2026-11-23T11:55:00Z",
                   "description":"before"}])");
  CHECK(run({"volumes:snapshots", "data", "-a", "shop"}) == 0);
  CHECK_CONTAINS(printed(), "5 min ago");
  server.on("POST /apps/shop/volumes/data/actions/restore", [](const Asked& asked) {
    return Answer{.status = asked.body == R"({"snapshot":"s3"})" ? 200 : 422, .body = volume};
  });
  CHECK(run({"volumes:restore", "data", "s3", "-a", "shop"}) == 0);
  CHECK(printed() == "Restored data of shop from s3\n");
  server.json("DELETE /apps/shop/volumes/data/snapshots/s3", R"({"name":"s3"})");
  CHECK(run({"volumes:snapshots:destroy", "data", "s3", "-a", "shop"}) == 0);
  CHECK(printed() == "Removed snapshot s3 of data\n");
}

}  // namespace berth::test
