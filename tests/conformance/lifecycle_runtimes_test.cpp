// SPDX-License-Identifier: Apache-2.0
// Runtimes that all apps share: no rule of the specification, and none of it may be broken by them.
// An app is given them as what its last build kept, and cannot change them for another.
#include <doctest/doctest.h>

#include <filesystem>

#include "builder/collector.hpp"
#include "builder/runtimes.hpp"
#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

/// Brings what it is called after, unless it is here.
constexpr const char* bring = "bring() { mkdir -p $L/$1; echo \"$1\" > $L/$1/name; }\n";
constexpr const char* declare =
    "declare_layer() { printf '[types]\\nlaunch=true\\ncache=true\\n"
    "[metadata]\\nruntime=\"true\"\\n' > $L/$1.toml; }\n";

struct RuntimesFixture : BuildFixture {
  RuntimesFixture() {
    install({.id = "a",
             .build = std::string(bring) + declare +
                      "v=tool-$(cat version)\n"
                      "if [ -e $L/$v/name ]; then echo \"$v is here\"; else bring $v; fi\n"
                      "[ ! -e evil ] || echo evil > $L/$v/name\n"
                      "declare_layer $v",
             .runtime = std::string(bring) + declare +
                        "[ $1 != tool-9 ] || { echo 'there is no 9'; exit 1; }\n"
                        "echo \"app: $(ls /app)\"; bring $1; declare_layer $1"});
    order("a");
  }
  /// A build of another app, which wants this version.
  BuiltImage app(const std::string& name, const std::string& version, GitFiles files = {}) {
    files.emplace("version", version + "\n");
    files.emplace("app", name);
    push(files);
    request.app = name;
    request.cache_directory = root() / "data/cache" / name;
    return must_build();
  }
  [[nodiscard]] fs::path record(const std::string& layer) const {
    return root() / "data/runtimes" / ("a." + layer + ".json");
  }
};

const RuntimeName tool1{.buildpack = "a", .layer = "tool-1"};

}  // namespace

TEST_CASE_FIXTURE(RuntimesFixture,
                  "a build tells which runtime it had to make, and the next app has it") {
  const BuiltImage first = app("one", "1");
  CHECK(first.missing_runtimes == std::vector{tool1});
  REQUIRE(make_runtime(tool1).has_value());
  CHECK(log == "app: \n");  // nothing of any app
  const BuiltImage second = app("two", "1");
  CHECK(contains(log, "tool-1 is here\n"));
  CHECK_FALSE(contains(log, "Restored from the last build"));
  CHECK(second.missing_runtimes.empty());
  CHECK(file(second.image, "/layers/a/tool-1/name") == "tool-1\n");
  // One layer on the disk for both.
  CHECK(second.image.layers.at(1).diff_id == first.image.layers.at(1).diff_id);
  app("two", "1", {{"more", "x"}});
  CHECK(contains(log, "tool-1 is here\n"));
  // An app that wants another version makes it, and has nothing of this one.
  const BuiltImage third = app("three", "2");
  CHECK(third.missing_runtimes == std::vector{RuntimeName{"a", "tool-2"}});
  CHECK(file(third.image, "/layers/a/tool-1/name") == "(none)");
}

TEST_CASE_FIXTURE(RuntimesFixture, "what an app writes into a runtime is its own alone") {
  REQUIRE(make_runtime(tool1).has_value());
  const BuiltImage evil = app("one", "1", {{"evil", "x"}});
  CHECK(file(evil.image, "/layers/a/tool-1/name") == "evil\n");
  CHECK(file(app("two", "1").image, "/layers/a/tool-1/name") == "tool-1\n");
  CHECK(file(app("one", "1", {{"more", "x"}}).image, "/layers/a/tool-1/name") == "evil\n");
}

TEST_CASE_FIXTURE(RuntimesFixture, "a damaged runtime is unpacked again, or made by the app") {
  REQUIRE(make_runtime(tool1).has_value());
  const std::string id = app("one", "1").image.layers.at(1).diff_id;
  REQUIRE(write_file(images.layer_directory(id) / "layers/a/tool-1/name", "evil").has_value());
  CHECK(file(app("two", "1").image, "/layers/a/tool-1/name") == "tool-1\n");
  CHECK(contains(log, "the kept layer tool-1 of a was damaged on the disk and is unpacked again"));
  CHECK(contains(log, "tool-1 is here\n"));
  fs::remove_all(images.layer_directory(id));
  fs::remove(images.blob_path(id));
  CHECK(file(app("three", "1").image, "/layers/a/tool-1/name") == "tool-1\n");
  CHECK_FALSE(contains(log, "tool-1 is here\n"));
}

TEST_CASE_FIXTURE(RuntimesFixture, "other buildpacks make other runtimes") {
  REQUIRE(make_runtime(tool1).has_value());
  install({.id = "b"});
  CHECK(app("one", "1").missing_runtimes == std::vector{tool1});
  CHECK_FALSE(contains(log, "tool-1 is here\n"));
}

TEST_CASE_FIXTURE(RuntimesFixture,
                  "only the platform's own buildpacks make runtimes, of names that are some") {
  for (const RuntimeName& name : {RuntimeName{"a", "../tool-1"}, RuntimeName{"a", "Tool-1"},
                                  RuntimeName{"a", "-tool"}, RuntimeName{"a", "tool"},
                                  RuntimeName{"b", "tool-1"}, RuntimeName{"a", ""},
                                  RuntimeName{"a", "tool-" + std::string(100, '1')}}) {
    const auto made = make_runtime(name);
    REQUIRE(made.has_error());
    CHECK(contains(made.error().message, "makes no runtime called " + name.layer));
  }
  const auto none = make_runtime({.buildpack = "a", .layer = "tool-9"});
  REQUIRE(none.has_error());
  CHECK(contains(log, "there is no 9"));
  CHECK_FALSE(fs::exists(record("tool-9")));
}

TEST_CASE_FIXTURE(RuntimesFixture,
                  "of one buildpack's runtimes the few that were used last are kept") {
  for (int i = 10; i < 18; ++i)
    REQUIRE(make_runtime({.buildpack = "a", .layer = "tool-" + std::to_string(i)}).has_value());
  const auto before = fs::last_write_time(record("tool-10"));
  app("one", "10");
  CHECK(contains(log, "tool-10 is here\n"));
  CHECK(fs::last_write_time(record("tool-10")) > before);
  REQUIRE(make_runtime({.buildpack = "a", .layer = "tool-18"}).has_value());
  CHECK(fs::exists(record("tool-10")));
  CHECK_FALSE(fs::exists(record("tool-11")));
  CHECK(fs::exists(record("tool-18")));
}

TEST_CASE_FIXTURE(RuntimesFixture,
                  "a runtime that nobody uses goes with its layer, one in use stays") {
  REQUIRE(make_runtime(tool1).has_value());
  REQUIRE(make_runtime({.buildpack = "a", .layer = "tool-2"}).has_value());
  const std::string id = app("one", "1").image.layers.at(1).diff_id;
  Collector collector(images);
  const auto collect = [&](const CollectionPolicy& policy) {
    const Wanted wanted{.images = {}, .hot = {}, .mounted = {}, .apps = {}, .builds = {},
                        .busy_since = now() + std::chrono::hours(1)};
    const auto inventory = collector.take_inventory(wanted, {});
    REQUIRE(inventory.has_value());
    REQUIRE(inventory->runtimes.size() == 2);
    REQUIRE(collector.remove(plan_collection(*inventory, wanted, policy), wanted.busy_since)
                .has_value());
  };
  collect({});
  CHECK(images.has_layer(id));
  CHECK(fs::exists(record("tool-2")));
  collect({.unused_since = now() + std::chrono::minutes(1)});
  CHECK_FALSE(images.has_layer(id));
  CHECK_FALSE(fs::exists(record("tool-2")));
}
