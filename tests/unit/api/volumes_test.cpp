// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr const char* wanted =
    R"({"name":"data","size":"2g","mounts":[{"process_type":"web","path":"/data"}]})";

}  // namespace

TEST_CASE("a volume is made, shown, grown and destroyed") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto made = api.call("POST", "/apps/hello/volumes", wanted);
  REQUIRE(made.status == 201);
  const json::value volume = body_of(made);
  CHECK(volume.at("size") == 2'147'483'648);
  CHECK(volume.at("used") == 7);
  CHECK(volume.at("shared") == false);
  CHECK(volume.at("restoring") == nullptr);
  CHECK(volume.at("mounts") ==
        json::value(json::array{json::object{{"process_type", "web"}, {"path", "/data"}}}));
  CHECK(body_of(api.call("GET", "/apps/hello/volumes")) == json::value(json::array{volume}));
  CHECK(body_of(api.call("GET", "/apps/hello/volumes/data")) == volume);
  const auto grown = api.call("PATCH", "/apps/hello/volumes/data", R"({"size":"3GiB"})");
  CHECK(body_of(grown).at("size") == 3'221'225'472);
  CHECK(api.call("DELETE", "/apps/hello/volumes/data").status == 200);
  CHECK(api.call("GET", "/apps/hello/volumes/data").status == 404);
}

TEST_CASE("a volume's snapshots are made, listed, put back and removed") {
  ApiFixture api;
  api.deployed_app("hello");
  REQUIRE(api.call("POST", "/apps/hello/volumes", wanted).status == 201);
  const auto made =
      api.call("POST", "/apps/hello/volumes/data/snapshots", R"({"description":"before"})");
  REQUIRE(made.status == 201);
  CHECK(text_at(body_of(made), "/name") == "s1");
  CHECK(text_at(body_of(made), "/description") == "before");
  const auto restored =
      api.call("POST", "/apps/hello/volumes/data/actions/restore", R"({"snapshot":"s1"})");
  CHECK(restored.status == 200);
  const json::value all = body_of(api.call("GET", "/apps/hello/volumes/data/snapshots"));
  REQUIRE(all.as_array().size() == 2);
  CHECK(text_at(all, "/0/description") == "before it was restored from s1");
  CHECK(api.call("DELETE", "/apps/hello/volumes/data/snapshots/s1").status == 200);
  CHECK(api.call("DELETE", "/apps/hello/volumes/data/snapshots/s1").status == 404);
  CHECK(api.call("POST", "/apps/hello/volumes/data/actions/restore", R"({"snapshot":"s1"})")
            .status == 404);
}

TEST_CASE("a volume that cannot be meant is refused, and why") {
  ApiFixture api;
  api.deployed_app("hello");
  for (const char* body :
       {"{}", R"({"name":"data"})", R"({"name":"data","mounts":[]})",
        R"({"name":"data","mounts":["web:/data"]})", R"({"name":"../x","mounts":[]})",
        R"({"name":"data","mounts":[{"process_type":"web","path":"/etc"}]})",
        R"({"name":"data","size":"1","mounts":[{"process_type":"web","path":"/data"}]})",
        R"({"name":"data","mounts":[{"process_type":"run","path":"/data"}]})"})
    CHECK_MESSAGE(api.call("POST", "/apps/hello/volumes", body).status == 422, body);
  REQUIRE(api.call("POST", "/apps/hello/volumes", wanted).status == 201);
  const auto scaled =
      api.call("PATCH", "/apps/hello/formation/web", R"({"quantity":2})");
  CHECK(scaled.status == 422);
  CHECK(text_at(body_of(scaled), "/message").find("--shared") != std::string::npos);
}
