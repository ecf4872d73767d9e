// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerignore.hpp"

#include <doctest/doctest.h>

using namespace berth::builder;

namespace {

bool ignored(std::string_view patterns, std::string_view path) {
  return DockerIgnore::parse(patterns).ignores(path);
}

}  // namespace

TEST_CASE("patterns begin at the top, and what is in a directory that fits, fits") {
  CHECK(ignored("node_modules", "node_modules/a/b.js"));
  CHECK_FALSE(ignored("node_modules", "web/node_modules/a.js"));
  CHECK(ignored("/build/", "build/x"));
  CHECK(ignored("./a/../b", "b"));
  CHECK(ignored("*.md", "README.md"));
  CHECK_FALSE(ignored("*.md", "docs/README.md"));
  CHECK(ignored("*/*.md", "docs/README.md"));
  CHECK(ignored("temp?", "tempa"));
  CHECK_FALSE(ignored("temp?", "temp"));
  CHECK(ignored("[a-c]x", "bx"));
}

TEST_CASE("two stars are any number of directories, also none") {
  CHECK(ignored("**/*.go", "main.go"));
  CHECK(ignored("**/*.go", "a/b/main.go"));
  CHECK(ignored("**/node_modules", "web/node_modules/x"));
  CHECK(ignored("**file", "a/file"));
  CHECK_FALSE(ignored("**.log", "a/b.log"));
  CHECK(ignored("a/**", "a/b/c"));
  CHECK_FALSE(ignored("a/**", "a"));
  CHECK(ignored("**", "anything/at/all"));
}

TEST_CASE("the last that fits decides, and an exception reaches into a directory") {
  CHECK_FALSE(ignored("*.md\n!README.md", "README.md"));
  CHECK(ignored("!README.md\n*.md", "README.md"));
  CHECK(ignored("*\n!src\nsrc/secret", "src/secret"));
  CHECK_FALSE(ignored("*\n!src", "src/main.c"));
  CHECK(ignored("*\n!src", "other"));
  CHECK_FALSE(ignored("src\n!src/keep", "src/keep"));
}

TEST_CASE("comments, blanks and line ends of other systems mean nothing") {
  CHECK_FALSE(ignored("# a\n\n   \n!\n", "a"));
  CHECK(ignored("  spaced  \r\n", "spaced"));
  CHECK(ignored("\xEF\xBB\xBFtop", "top"));
  CHECK(DockerIgnore::parse(".\n/").empty());
  CHECK(clean_path("a//b/./c/../d/") == "a/b/d");
  CHECK(clean_path("../../x") == "../../x");
  CHECK(clean_path("/") == ".");
}
