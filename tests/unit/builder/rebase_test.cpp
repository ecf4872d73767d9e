// SPDX-License-Identifier: Apache-2.0
#include "builder/rebase.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"

using namespace berth;
using namespace berth::builder;

namespace {

std::string id(char digit) { return "sha256:" + std::string(64, digit); }

Image run_image(char layer, const std::string& version = "12") {
  Image run;
  run.digest = id(static_cast<char>(layer - 'a' + '0'));
  run.layers = {{.diff_id = id(layer), .size_bytes = 1, .created_by = "base"}};
  run.labels = {{"io.buildpacks.base.distro.name", "debian"},
                {"io.buildpacks.base.distro.version", version},
                {"io.buildpacks.base.released", std::string(1, layer)},
                {"maintainer", "base"}};
  return run;
}

Image built_on(const Image& run) {
  Image image = run;
  image.digest = id('9');
  image.layers.push_back({.diff_id = id('e'), .size_bytes = 2, .created_by = "app"});
  image.layers.push_back({.diff_id = id('f'), .size_bytes = 3, .created_by = "launcher"});
  image.entrypoint = {"/cnb/process/web"};
  image.labels["io.buildpacks.lifecycle.metadata"] =
      R"({"app":[{"sha":"x"}],"runImage":{"topLayer":")" + run.layers.back().diff_id +
      R"(","reference":"old"}})";
  return image;
}

}  // namespace

TEST_CASE("the base below an image is swapped, all above it stays") {
  const Image before = built_on(run_image('a'));
  const Image run = run_image('b');
  const auto after = rebase(before, run, "stack/run");
  REQUIRE(after.has_value());
  CHECK(after->layers == std::vector<ImageLayer>{run.layers[0], before.layers[1],
                                                 before.layers[2]});
  CHECK(after->entrypoint == before.entrypoint);
  CHECK(after->labels.at("io.buildpacks.base.released") == "b");
  const auto metadata = *parse_json_object(after->labels.at("io.buildpacks.lifecycle.metadata"));
  CHECK(metadata.at("runImage").at("topLayer").as_string() == id('b'));
  CHECK(metadata.at("runImage").at("reference").as_string() == run.digest);
  CHECK(metadata.contains("app"));
}

TEST_CASE("rebasing twice is rebasing once") {
  const Image run = run_image('b');
  const auto once = rebase(built_on(run_image('a')), run, "stack/run");
  REQUIRE(once.has_value());
  CHECK(*rebase(*once, run, "stack/run") == *once);
}

TEST_CASE("what cannot be rebased is refused with what to do instead") {
  const Image run = run_image('b');
  const auto refused = [&](const Image& image, const Image& base) {
    const auto outcome = rebase(image, base, "stack/run");
    return outcome.has_error() ? outcome.error().message : std::string();
  };
  Image image = built_on(run_image('a'));
  CHECK(refused(image, run_image('b', "13")).find("'12', and the new base is '13'") !=
        std::string::npos);
  image.labels["io.buildpacks.rebasable"] = "false";
  CHECK(refused(image, run).find("must not be swapped") != std::string::npos);
  image = built_on(run_image('a'));
  image.layers.erase(image.layers.begin());
  CHECK(refused(image, run).find("where its base ends") != std::string::npos);
  image.labels.erase("io.buildpacks.lifecycle.metadata");
  CHECK(refused(image, run).find("not built by buildpacks") != std::string::npos);
}
