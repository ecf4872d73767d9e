// SPDX-License-Identifier: Apache-2.0
// The cases follow specs/cnb.md 1.13.
#include "builder/project_toml.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth::builder;

namespace {
std::string message(std::string_view toml) {
  const auto parsed = parse_project(toml);
  return parsed.has_error() ? parsed.error().message : "";
}
}  // namespace

TEST_CASE("project.toml gives build variables in both generations of the file") {
  CHECK(parse_project("[[io.buildpacks.build.env]]\nname = \"A\"\nvalue = \"1\"")
            ->build_environment == Environment{{"A", "1"}});
  CHECK(parse_project("[[build.env]]\nname = \"A\"\nvalue = \"1\"")->build_environment ==
        Environment{{"A", "1"}});
  CHECK(message("[[build.env]]\nname = \"A=B\"\nvalue = \"1\"") ==
        "project.toml: build.env: 'A=B' is not a variable's name");
  CHECK_FALSE(message("[[build.env]]\nname = \"A\"").empty());
  CHECK(message("nonsense").starts_with("project.toml: line 1"));
}

TEST_CASE("buildpacks are named by id, by uri or written inline") {
  const auto parsed = parse_project(R"(
[[io.buildpacks.group]]
id = "acme/a"
version = "1.2.3"
[[io.buildpacks.group]]
uri = "./own"
[[io.buildpacks.group]]
id = "me/inline"
  [io.buildpacks.group.script]
  api = "0.10"
  inline = "echo hi"
[[io.buildpacks.pre.group]]
id = "first"
[[io.buildpacks.post.group]]
id = "last"
)");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->group.size() == 3);
  CHECK(parsed->group[0] == ProjectBuildpack{"acme/a", "1.2.3", "", {}});
  CHECK(parsed->group[1].uri == "./own");
  CHECK(parsed->group[2].script == InlineScript{"0.10", "/bin/sh", "echo hi"});
  CHECK(parsed->before == std::vector<ProjectBuildpack>{{"first", "", "", {}}});
  CHECK(parsed->after == std::vector<ProjectBuildpack>{{"last", "", "", {}}});
}

TEST_CASE("the older generation names buildpacks under [build]") {
  const auto parsed = parse_project("[[build.buildpacks]]\nuri = \"own/\"\n");
  REQUIRE(parsed.has_value());
  CHECK(parsed->group == std::vector<ProjectBuildpack>{{"", "", "own/", {}}});
}

TEST_CASE("where both generations stand, the newer one decides") {
  const auto parsed = parse_project(
      "[build]\nexclude = [\"old\"]\n[[build.buildpacks]]\nid = \"old\"\n[io.buildpacks]\ninclude "
      "= "
      "[\"new\"]\n[[io.buildpacks.group]]\nid = \"new\"\n");
  REQUIRE(parsed.has_value());
  CHECK(parsed->exclude.empty());
  CHECK(parsed->include == std::vector<std::string>{"new"});
  CHECK(parsed->group[0].id == "new");
}

TEST_CASE("a buildpack that is none is an error") {
  CHECK(message("[[io.buildpacks.group]]\nversion = \"1.0.0\"") ==
        "project.toml: [[io.buildpacks.group]]: a buildpack has neither id nor uri");
  CHECK(
      message("[[io.buildpacks.group]]\nuri = \"x\"\nid = \"a\"\n[io.buildpacks.group.script]\napi "
              "= \"0.10\"\ninline = \"x\"")
          .ends_with("has a uri and a script"));
  CHECK(message("[[io.buildpacks.group]]\nid = \"a\"\n[io.buildpacks.group.script]\napi = "
                "\"0.10\"\ninline = \"x\"\nshell = \"sh\"")
            .ends_with("'sh' is not the path of a shell"));
}
