// SPDX-License-Identifier: Apache-2.0
// project.toml and .slugignore (specs/cnb.md 1.13, 2.1): which files are built, and with which
// variables.
#include <doctest/doctest.h>

#include "base/json.hpp"
#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;

namespace {

struct ProjectFixture : BuildFixture {
  ProjectFixture() {
    install({.id = "a", .build = "echo \"files: $(echo $(ls -A) $(ls -A docs src))\""});
    order("a");
  }
  BuiltImage with(GitFiles files) {
    files.insert({{"README.md", "r"},
                  {"src/main.js", "j"},
                  {"src/main.test.js", "t"},
                  {"docs/guide.md", "g"},
                  {"docs/logo.png", "l"}});
    push(files);
    return must_build();
  }
  std::string failure(const std::string& project) {
    push({{"project.toml", project}, {"x", "x"}});
    const auto result = build();
    REQUIRE(result.has_error());
    return result.error().message;
  }
};

}  // namespace

TEST_CASE_FIXTURE(ProjectFixture, "1.13: exclude leaves files out before anything runs") {
  const BuiltImage built =
      with({{"project.toml",
             "[io.buildpacks]\nexclude = [\"*.md\", \"/src/*.test.js\", \"!docs/guide.md\"]\n"}});
  CHECK(contains(log, "files: docs project.toml src docs: guide.md logo.png src: main.js\n"));
  CHECK(file(built.image, "/app/README.md") == "(none)");
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: include keeps these files and no others") {
  with({{"project.toml", "[io.buildpacks]\ninclude = [\"src/\", \"docs/**/*.png\"]\n"}});
  CHECK(contains(log, "files: docs src docs: logo.png src: main.js main.test.js\n"));
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: a directory of which nothing is left is left out too") {
  with({{"project.toml", "[build]\nexclude = [\"docs/*\"]\n"}});
  CHECK(contains(log, "files: README.md project.toml src "));
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: include and exclude together are an error") {
  CHECK(failure("[io.buildpacks]\ninclude = [\"a\"]\nexclude = [\"b\"]\n") ==
        "project.toml: include and exclude stand beside each other: only one of both is allowed");
  CHECK(sandboxes.opened == 0);
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: a filter that leaves nothing says so") {
  CHECK(contains(failure("[io.buildpacks]\nexclude = [\"*\"]\n"), "no file of the commit is left"));
}

TEST_CASE_FIXTURE(ProjectFixture,
                  "1.13: changing the filter changes what an unchanged tree becomes") {
  with({{"project.toml", "[io.buildpacks]\nexclude = [\"docs\"]\n"}});
  with({{"project.toml", "[io.buildpacks]\nexclude = [\"src\"]\n"}});
  CHECK(contains(log, "files: README.md docs project.toml docs: guide.md logo.png\n"));
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: the older generation of the file means the same") {
  install({.id = "a", .build = "echo \"files: $(echo $(ls -A)) [$GREETING]\""});
  const BuiltImage built = with(
      {{"project.toml",
        "[project]\nid = \"x\"\nversion = \"1.2.3\"\nsource-url = \"https://example.com/x\"\n"
        "[build]\nexclude = [\"docs\"]\n[[build.env]]\nname = \"GREETING\"\nvalue = \"hi\"\n"}});
  CHECK(contains(log, "files: README.md project.toml src [hi]\n"));
  const auto metadata = parse_json_object(label(built.image, "io.buildpacks.project.metadata"));
  REQUIRE(metadata.has_value());
  CHECK(metadata->at("source").at("type") == "project");
  CHECK(metadata->at("source").at("version").at("declared") == "1.2.3");
  CHECK(metadata->at("source").at("metadata").at("url") == "https://example.com/x");
}

TEST_CASE_FIXTURE(ProjectFixture, "1.13: a file that is no TOML or of an unknown schema is named") {
  CHECK(contains(failure("="), "project.toml: line 1"));
  CHECK(contains(failure("[_]\nschema-version = \"9.9\"\n"),
                 "project.toml: schema-version 9.9 is not known"));
}

TEST_CASE_FIXTURE(ProjectFixture, "2.1: .slugignore removes files, and knows no negation") {
  with({{".slugignore", "# comments\n\n*.md\n/src\n!README.md\n"}});
  CHECK(contains(log, "files: .slugignore docs docs: logo.png\n"));
}
