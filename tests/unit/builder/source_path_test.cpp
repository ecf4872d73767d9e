// SPDX-License-Identifier: Apache-2.0
#include "builder/source_path.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace berth::builder;

TEST_CASE("ordinary names of a tree are fine") {
  for (const char* name : {"a", "a b", ".gitignore", ".github", "git", "..a", "a..", "-x", "ü", "a\\b"})
    CHECK(check_tree_name(name).has_value());
}

TEST_CASE("a name that leaves its directory or is git's own is refused") {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/a"),
        std::string(".git"), std::string(".GIT"), std::string(".Git"), std::string("a\0b", 3),
        std::string(256, 'x')})
    CHECK(check_tree_name(name).has_error());
  CHECK(check_tree_name("..").error().message ==
        "the commit holds an entry named '..', which leads out of its directory");
}

TEST_CASE("a path has a longest length and a deepest depth") {
  CHECK(check_source_path("a/b/c").has_value());
  CHECK(check_source_path(std::string(3001, 'x')).has_error());
  std::string deep = "a";
  for (int i = 0; i < 128; ++i) deep += "/a";
  CHECK(check_source_path(deep).has_error());
}
