// SPDX-License-Identifier: Apache-2.0
// The cases follow the table of specs/cnb.md 1.5.
#include "builder/build_record.hpp"

#include <doctest/doctest.h>

using namespace berth::builder;

namespace {

BuildRecord record(const std::map<std::string, LayerRecord>& layers) {
  return {.key = "k", .image = "i", .tree = "t", .buildpacks = {{"a", "1.0.0", layers, {}}}};
}

LayerRecord layer(bool build, bool cache, bool launch, const std::string& id = "sha256:1") {
  return {id, {.build = build, .launch = launch, .cache = cache}, {{"v", 1}}};
}

/// "no", "metadata" or "contents" for one layer with these flags.
std::string restored(bool build, bool cache, bool launch) {
  const BuildRecord all = record({{"l", layer(build, cache, launch)}});
  BuildRecord image = launch ? all : record({});
  const auto plan = plan_restore({"a"}, image, all);
  if (plan.empty()) return "no";
  REQUIRE(plan.size() == 1);
  return plan[0].id.empty() ? "metadata" : "contents";
}

}  // namespace

TEST_CASE("1.5 table: what comes back by the flags build, cache, launch") {
  CHECK(restored(true, true, true) == "contents");
  CHECK(restored(true, true, false) == "contents");
  CHECK(restored(true, false, true) == "no");
  CHECK(restored(true, false, false) == "no");
  CHECK(restored(false, true, true) == "contents");
  CHECK(restored(false, true, false) == "contents");
  CHECK(restored(false, false, true) == "metadata");
  CHECK(restored(false, false, false) == "no");
}

TEST_CASE("1.5: a layer whose image and cache copies differ does not come back") {
  const auto plan = plan_restore({"a"}, record({{"l", layer(false, true, true, "sha256:1")}}),
                                 record({{"l", layer(false, true, true, "sha256:2")}}));
  CHECK(plan.empty());
}

TEST_CASE("1.5: a cached launch layer that the image lacks comes back from the cache") {
  const auto plan = plan_restore({"a"}, record({}), record({{"l", layer(false, true, true)}}));
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].id == "sha256:1");
}

TEST_CASE("1.5: only buildpacks of the detected group get their layers back") {
  const BuildRecord all = record({{"l", layer(true, true, false)}});
  CHECK(plan_restore({"b"}, all, all).empty());
  CHECK(plan_restore({}, all, all).empty());
}

TEST_CASE("what another app begins with has nothing that belongs to one cache alone") {
  BuildRecord whole = record({{"shared", layer(false, true, true)},
                              {"own", layer(true, true, false, "private:1")}});
  whole.sbom = "private:2";
  whole.seals = {{"sha256:1", "s"}, {"private:1", "p"}};
  whole.earlier = {{.key = "j", .image = "h"}};
  const BuildRecord part = shareable(whole);
  CHECK(part.buildpacks[0].layers.size() == 1);
  CHECK(part.buildpacks[0].layers.at("shared").id == "sha256:1");
  CHECK(part.sbom.empty());
  CHECK(part.seals == std::map<std::string, std::string>{{"sha256:1", "s"}});
  CHECK(part.earlier == whole.earlier);
  CHECK(part.key == "k");
}

TEST_CASE("a record survives its file") {
  BuildRecord before = record({{"l", layer(true, true, false, "private:ab")}});
  before.buildpacks[0].store = berth::json::object{{"s", "t"}};
  before.earlier = {{"k1", "i1"}, {"k2", "i2"}};
  const auto after = parse_build_record(build_record_json(before));
  REQUIRE(after.has_value());
  CHECK(*after == before);
}

TEST_CASE("of the builds before the last one the newest are known, each key once") {
  BuildRecord last{.key = "b", .image = "2", .tree = {}};
  last.earlier = {{"a", "1"}, {"b", "0"}};
  CHECK(last.earlier_for("c") == std::vector<EarlierBuild>{{"b", "2"}, {"a", "1"}});
  CHECK(last.earlier_for("a") == std::vector<EarlierBuild>{{"b", "2"}});
  CHECK(BuildRecord{}.earlier_for("a").empty());
  for (int i = 0; i < 100; ++i) last.earlier.push_back({std::to_string(i), "x"});
  CHECK(last.earlier_for("c").size() == most_earlier_builds);
}

TEST_CASE("a record that is broken or of another version is an error, a broken label is empty") {
  CHECK(parse_build_record("").has_error());
  CHECK(parse_build_record("{}").has_error());
  CHECK(parse_build_record(R"({"version":99,"key":"","image":"","tree":""})").has_error());
  CHECK(parse_lifecycle_label("nonsense").buildpacks.empty());
  CHECK(parse_lifecycle_label(R"({"buildpacks":[1,{"key":""},{"key":"a","layers":{"..":{}}}]})")
            .buildpacks.at(0)
            .layers.empty());
}
