// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.hpp"

#include <doctest/doctest.h>

namespace berth {
namespace {

TEST_CASE("the distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("listn", "listen") == 1);
  CHECK(edit_distance("ruoter", "router") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest name is the one with the least distance, if near enough to be meant") {
  CHECK(nearest("ruoter", {"api", "router", "runtime"}) == "router");
  CHECK(nearest("router", {"api", "router"}) == "router");
  CHECK(nearest("xyz", {"api", "router"}).empty());
  CHECK(nearest("", {"api"}).empty());
  CHECK(nearest(std::string(10'000, 'a'), {"api"}).empty());
  CHECK(nearest("a", {}).empty());
  const std::vector<std::string> commands = {"config", "config:set", "ps", "ps:scale", "releases"};
  CHECK(nearest("confg", commands) == "config");
  CHECK(nearest("ps:sclae", commands) == "ps:scale");
  CHECK(nearest("config:ste", commands) == "config:set");
  CHECK(nearest("sp", commands) == "ps");
  CHECK(nearest("kubernetes", commands).empty());
}

}  // namespace
}  // namespace berth
