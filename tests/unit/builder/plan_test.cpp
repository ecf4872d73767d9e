// SPDX-License-Identifier: Apache-2.0
// The cases follow specs/cnb.md 1.4, "Build plan … and how it resolves".
#include "builder/plan.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth::builder;

namespace {

PlanElement element(const std::string& name, const std::string& toml, bool optional = false) {
  auto options = parse_plan(toml);
  REQUIRE_MESSAGE(options.has_value(), (options.has_error() ? options.error().message : ""));
  return {name, optional, *options};
}

PlanElement provides(const std::string& id, const std::string& name, bool optional = false) {
  return element(id, "[[provides]]\nname = \"" + name + "\"", optional);
}

PlanElement needs(const std::string& id, const std::string& name, bool optional = false) {
  return element(id, "[[requires]]\nname = \"" + name + "\"", optional);
}

using Indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("1.4 rule 1: what is provided before it is required resolves to one entry") {
  const auto result = resolve_plan({provides("a", "node"), needs("b", "node")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{0, 1});
  REQUIRE(result.resolution->entries.size() == 1);
  CHECK(result.resolution->entries[0].name == "node");
  CHECK(result.resolution->entries[0].providers == Indexes{0});
}

TEST_CASE("1.4 rule 1: an element's own provides come before its requires") {
  const auto result = resolve_plan({element("a", "[[requires]]\nname = \"x\"\n[[provides]]\nname = \"x\"")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->entries[0].requirements.size() == 1);
}

TEST_CASE("1.4 rule 2: a requirement that nothing before provides fails a required element") {
  const auto result = resolve_plan({needs("b", "node"), provides("a", "node")});
  CHECK_FALSE(result.resolution);
  CHECK(result.why == "b needs 'node', which nothing before it provides");
}

TEST_CASE("1.4 rule 2: an optional element with an unmet requirement is dropped") {
  const auto result =
      resolve_plan({needs("b", "node", true), provides("a", "go"), needs("c", "go")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{1, 2});
}

TEST_CASE("1.4 rule 3: something provided that nothing needs fails a required element") {
  const auto result = resolve_plan({provides("a", "node")});
  CHECK_FALSE(result.resolution);
  CHECK(result.why == "a provides 'node', which nothing needs");
}

TEST_CASE("1.4 rule 3: an optional element that provides what nothing needs is dropped") {
  const auto result = resolve_plan({provides("a", "unused", true), element("b", "")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{1});
  CHECK(result.resolution->entries.empty());
}

TEST_CASE("1.4 rule 3: provided only after the last requirement counts as unused") {
  CHECK_FALSE(resolve_plan({provides("a", "x"), needs("b", "x"), provides("c", "x")}).resolution);
  const auto result = resolve_plan({provides("a", "x"), needs("b", "x"), provides("c", "x", true)});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{0, 1});
}

TEST_CASE("1.4 rule 4: a group from which every element was dropped fails") {
  const auto result = resolve_plan({provides("a", "x", true)});
  CHECK_FALSE(result.resolution);
  CHECK(result.why == "no buildpack is left");
}

TEST_CASE("1.4: dropping an element can make another one unused, until nothing changes") {
  // c is dropped for y; with it goes the only need of x, and so a.
  const auto result = resolve_plan(
      {provides("a", "x", true),
       element("c", "[[requires]]\nname = \"x\"\n[[requires]]\nname = \"y\"", true), element("d", "")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{2});
}

TEST_CASE("1.4: a name may have several providers and several requirements") {
  const auto result =
      resolve_plan({provides("a", "x"), provides("b", "x"), needs("c", "x"), needs("d", "x")});
  REQUIRE(result.resolution);
  REQUIRE(result.resolution->entries.size() == 1);
  CHECK(result.resolution->entries[0].providers == Indexes{0, 1});
  CHECK(result.resolution->entries[0].requirements.size() == 2);
}

TEST_CASE("1.4: entries are sorted by name, so that equal builds are equal") {
  const auto result = resolve_plan(
      {element("a", "[[provides]]\nname = \"z\"\n[[provides]]\nname = \"b\""), needs("c", "z"), needs("d", "b")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->entries[0].name == "b");
  CHECK(result.resolution->entries[1].name == "z");
}

TEST_CASE("1.4 trials: the first combination of alternatives that resolves wins") {
  const auto result = resolve_plan({
      element("a", "[[provides]]\nname = \"x\"\n[[or]]\n[[or.provides]]\nname = \"y\""),
      element("b", "[[requires]]\nname = \"z\"\n[[or]]\n[[or.requires]]\nname = \"y\""),
  });
  REQUIRE(result.resolution);
  REQUIRE(result.resolution->entries.size() == 1);
  CHECK(result.resolution->entries[0].name == "y");
}

TEST_CASE("1.4 trials: an alternative may be nothing at all") {
  const auto result =
      resolve_plan({element("a", "[[provides]]\nname = \"x\"\n[[or]]"), element("b", "")});
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{0, 1});
  CHECK(result.resolution->entries.empty());
}

TEST_CASE("1.4 trials: an optional element is dropped only after its last alternative failed") {
  const auto result = resolve_plan({
      provides("a", "y"),
      element("b", "[[requires]]\nname = \"missing\"\n[[or]]\n[[or.requires]]\nname = \"y\"", true),
  });
  REQUIRE(result.resolution);
  CHECK(result.resolution->group == Indexes{0, 1});
  CHECK(result.resolution->entries[0].name == "y");
}

TEST_CASE("1.4: metadata of a requirement is kept; a version beside the name is an error") {
  const auto good = parse_plan("[[requires]]\nname = \"x\"\n[requires.metadata]\nversion = \"1.2\"\n");
  REQUIRE(good.has_value());
  CHECK(to_text((*good)[0].requirements[0].metadata) == R"({"version":"1.2"})");
  const auto bad = parse_plan("[[requires]]\nname = \"x\"\nversion = \"1.2\"\n");
  REQUIRE(bad.has_error());
  CHECK(bad.error().message.find("[requires.metadata]") != std::string::npos);
  CHECK(parse_plan("[[provides]]\nnope = 1").has_error());
  CHECK(parse_plan("= broken").error().message.starts_with("line 1"));
}

TEST_CASE("1.4 trials: a plan with too many alternatives ends with a reason, not after hours") {
  std::string many = "[[requires]]\nname = \"x0\"\n";
  for (int i = 1; i < 12; ++i) many += "[[or]]\n[[or.requires]]\nname = \"x" + std::to_string(i) + "\"\n";
  std::vector<PlanElement> elements;
  for (int i = 0; i < 10; ++i) elements.push_back(element("b" + std::to_string(i), many));
  const auto result = resolve_plan(elements);
  CHECK_FALSE(result.resolution);
  CHECK(result.why == "the buildpacks offer more alternatives than can be tried");
}
