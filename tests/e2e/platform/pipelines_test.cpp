// SPDX-License-Identifier: Apache-2.0
//
// An image from staging to production.
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

std::string image_of(Platform& berth, const std::string& app) {
  const json::value releases = berth.json_of({"releases", "-a", app});
  for (const json::value& release : releases.as_array())
    if (release.at("current").as_bool() && release.at("image").is_string())
      return std::string(release.at("image").as_string());
  return {};
}

TEST_CASE("a promotion serves the very image of staging with the other app's config vars") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.deploy("preview", "line-staging");
  berth.must({"config:set", "KEY=test", "-a", "line-staging"});
  for (const char* app : {"line", "line-eu"}) berth.must({"create", app});
  berth.must({"config:set", "KEY=live", "-a", "line"});
  berth.must({"config:set", "MIGRATION=broken", "-a", "line-eu"});
  berth.must({"pipelines:create", "line", "-a", "line-staging", "--stage", "staging"});
  berth.must({"pipelines:add", "line", "-a", "line", "--stage", "production"});
  berth.must({"pipelines:add", "line", "-a", "line-eu", "--stage", "production"});
  REQUIRE(eventually([&] { return berth.get("line-staging").body == "blue no mode test"; }));

  const Output promoted = berth.cli({"pipelines:promote", "-a", "line-staging"});
  CHECK(promoted.status.code == 1);
  CHECK_MESSAGE(promoted.out.find("line: succeeded\n") != std::string::npos, promoted.out);
  CHECK_MESSAGE(promoted.out.find("line-eu: failed: the release command exited with status 3") !=
                    std::string::npos,
                promoted.out);
  CHECK(berth.get("line").body == "blue no mode live");
  CHECK(image_of(berth, "line") == image_of(berth, "line-staging"));
  CHECK(image_of(berth, "line-eu").empty());

  berth.must({"config:unset", "MIGRATION", "-a", "line-eu"});
  CHECK(berth.must({"pipelines:promote", "-a", "line-staging", "--to", "line-eu"}) ==
        "line-eu: succeeded\n");
  CHECK(berth.get("line-eu").body == "blue no mode no key");
  // The image stays for those who name it, when the app that it was built for is gone.
  berth.destroy("line-staging");
  berth.must({"system:prune"});
  berth.must({"ps:restart", "-a", "line"});
  CHECK(eventually([&] { return berth.get("line").body == "blue no mode live"; }));
  berth.destroy("line");
  berth.destroy("line-eu");
  berth.must({"pipelines:destroy", "line"});
}

}  // namespace
}  // namespace berth::test
