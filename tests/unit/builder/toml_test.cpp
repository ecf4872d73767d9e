// SPDX-License-Identifier: Apache-2.0
#include "builder/toml.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth::builder;

TEST_CASE("TOML values become JSON values") {
  const auto value = parse_toml(
      "s = \"x\"\ni = 3\nf = 1.5\nb = true\na = [1, \"two\"]\nd = 2026-11-23T05:15:38Z\n[t]\nk = 'v'\n[[l]]\nn = 1\n");
  REQUIRE(value.has_value());
  CHECK(value->at("s") == "x");
  CHECK(value->at("i") == 3);
  CHECK(value->at("f") == 1.5);
  CHECK(value->at("b") == true);
  CHECK(value->at("d") == "2026-11-23T05:15:38Z");
  CHECK(value->at("t").at("k") == "v");
  CHECK(value->at("l").at(0).at("n") == 1);
}

TEST_CASE("an error names line and column") {
  const auto value = parse_toml("a = 1\nb = = 2\n");
  REQUIRE(value.has_error());
  CHECK(value.error().message.starts_with("line 2, column"));
  CHECK(parse_toml("a = \"\xff\"").has_error());
}

TEST_CASE("what is written reads back as it was") {
  const json::object before{
      {"plain", "x"},
      {"odd key.with dots", "quote\" back\\slash\nline\ttab \x01 é"},
      {"numbers", json::array{1, -2, 3.5, 4.0}},
      {"flag", false},
      {"empty", json::array{}},
      {"table", json::object{{"deep", json::object{{"k", "v"}}}, {"n", 1}}},
      {"tables", json::array{json::object{{"a", 1}, {"inner", json::array{json::object{{"z", 0}}}}},
                             json::object{{"a", 2}}}},
      {"mixed", json::array{json::object{{"in", "line"}}, "text"}}};
  const std::string text = write_toml(before);
  const auto after = parse_toml(text);
  REQUIRE_MESSAGE(after.has_value(), text);
  CHECK(json::value(*after) == json::value(before));
}

TEST_CASE("null is left out") {
  CHECK(write_toml({{"a", nullptr}, {"b", 1}}) == "b = 1\n");
}

TEST_CASE("text on which the library asserts is an error like any other") {
  for (const char* text : {"[^x]", "[[\x01", "a.", "[a.\x01]", "x = [", "x = {", "\"\"\"", "[", "=", "\u0101", "a = \u0101", "[\u0101]"})
    CHECK_MESSAGE(parse_toml(text).has_error(), text);
}
