// SPDX-License-Identifier: Apache-2.0
// The cases follow gitignore(5).
#include "builder/path_patterns.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace berth::builder;

namespace {
bool matches(const std::vector<std::string>& lines, const char* path, bool directory = false) {
  return PathPatterns::parse(lines).match(path, directory);
}
}  // namespace

TEST_CASE("stars and question marks stop at a slash, two stars do not") {
  CHECK(wild_match("*.js", "a.js"));
  CHECK_FALSE(wild_match("*.js", "a/b.js"));
  CHECK(wild_match("a?c", "abc"));
  CHECK_FALSE(wild_match("a?c", "a/c"));
  CHECK(wild_match("**/b", "b"));
  CHECK(wild_match("**/b", "x/y/b"));
  CHECK_FALSE(wild_match("**/b", "xb"));
  CHECK(wild_match("a/**", "a/x/y"));
  CHECK_FALSE(wild_match("a/**", "a"));
  CHECK_FALSE(wild_match("a/**", "a/"));
  CHECK(wild_match("a/**/b", "a/b"));
  CHECK(wild_match("a/**/b", "a/x/y/b"));
  CHECK_FALSE(wild_match("a/**/b", "a/xb"));
  CHECK(wild_match("a**b", "axxb"));
  CHECK_FALSE(wild_match("a**b", "ax/xb"));
  CHECK(wild_match("**", "a/b/c"));
}

TEST_CASE("character classes and escapes are as in a shell") {
  CHECK(wild_match("[a-c]x", "bx"));
  CHECK_FALSE(wild_match("[!a-c]x", "bx"));
  CHECK(wild_match("[^a-c]x", "dx"));
  CHECK(wild_match("[]-]x", "]x"));
  CHECK(wild_match("[\\]]x", "]x"));
  CHECK_FALSE(wild_match("[a/]b", "/b"));
  CHECK(wild_match("\\*", "*"));
  CHECK_FALSE(wild_match("\\*", "a"));
  CHECK(wild_match("a[b", "a[b"));
  CHECK(wild_match("a\\", "a\\"));
}

TEST_CASE("a pattern that could explode takes no longer for it") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(wild_match(pattern + "b", std::string(2000, 'a')));
}

TEST_CASE("a pattern without a slash fits at any depth, one with a slash from the top") {
  CHECK(matches({"*.md"}, "docs/deep/a.md"));
  CHECK(matches({"/*.md"}, "a.md"));
  CHECK_FALSE(matches({"/*.md"}, "docs/a.md"));
  CHECK(matches({"docs/*.md"}, "docs/a.md"));
  CHECK_FALSE(matches({"docs/*.md"}, "x/docs/a.md"));
  CHECK(matches({"./docs/a.md"}, "docs/a.md"));
}

TEST_CASE("what is in a directory that matches, matches") {
  CHECK(matches({"node_modules"}, "a/node_modules/x/y.js"));
  CHECK(matches({"build/"}, "build/x"));
  CHECK_FALSE(matches({"build/"}, "build"));
  CHECK(matches({"build/"}, "build", true));
}

TEST_CASE("the last pattern decides, and nothing comes back from a directory that is out") {
  CHECK_FALSE(matches({"*.md", "!keep.md"}, "keep.md"));
  CHECK(matches({"!keep.md", "*.md"}, "keep.md"));
  CHECK(matches({"docs", "!docs/keep.md"}, "docs/keep.md"));
  CHECK_FALSE(matches({"docs/*", "!docs/keep.md"}, "docs/keep.md"));
}

TEST_CASE("comments, blank lines and spaces at the end do not count, quoted ones do") {
  CHECK_FALSE(matches({"# a", "", "   "}, "a"));
  CHECK(matches({"\\#a"}, "#a"));
  CHECK(matches({"\\!a"}, "!a"));
  CHECK(matches({"a  "}, "a"));
  CHECK(matches({"a\\ "}, "a "));
  CHECK(matches({"a\r"}, "a"));
  CHECK(PathPatterns::parse({"", "#"}).empty());
  CHECK_FALSE(PathPatterns::parse({"!a"}, PathPatterns::Negation::none).match("b", false));
}
