// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <doctest/doctest.h>

namespace berth {
namespace {

TEST_CASE("a document is parsed whole, or the error says where") {
  CHECK(parse_json(" {\"a\": [1, 2.5, null, true, \"x\"]} \n").has_value());
  CHECK(parse_json("12").has_value());
  for (const auto* bad : {"", " ", "{", "[1,]", "{'a':1}", "{\"a\":1} x", "{\"a\":1}{", "nul",
                          "\"\\x\"", "01", "+1", "\"\x01\""})
    CHECK_MESSAGE(parse_json(bad).has_error(), bad);
  CHECK(parse_json("{\"a\": x}").error().message.starts_with("not valid JSON at byte 6"));
  CHECK(parse_json("[1] 2").error().message.starts_with("not valid JSON at byte 4"));
}

TEST_CASE("nesting beyond 64 levels is refused without harm") {
  CHECK(parse_json(std::string(64, '[') + std::string(64, ']')).has_value());
  CHECK(parse_json(std::string(65, '[') + std::string(65, ']')).has_error());
  CHECK(parse_json(std::string(1'000'000, '[')).has_error());
}

TEST_CASE("where an object is expected, nothing else will do") {
  CHECK(parse_json_object("{}").has_value());
  CHECK(parse_json_object("[]").error().message == "expected a JSON object");
}

TEST_CASE("a field that is required is named when it is missing or of another type") {
  const json::object object =
      *parse_json_object(R"({"s":"x","n":7,"null":null,"big":18446744073709551615,"r":1.5})");
  CHECK(*require_string(object, "s") == "x");
  CHECK(*require_int(object, "n") == 7);
  CHECK(require_string(object, "missing").error().message == "'missing' is required");
  CHECK(require_string(object, "null").error().message == "'null' is required");
  CHECK(require_string(object, "n").error().message == "'n' must be a string");
  CHECK(require_int(object, "s").error().message == "'s' must be a whole number");
  CHECK(require_int(object, "r").error().message == "'r' must be a whole number");
  CHECK(require_int(object, "big").has_error());
}

TEST_CASE("a field that may be missing is nothing when it is, or of another type") {
  const json::object object =
      *parse_json_object(R"({"s":"x","n":7,"r":1.5,"b":true,"o":{"a":1},"a":[1],"null":null})");
  CHECK(optional_string(object, "s") == "x");
  CHECK_FALSE(optional_string(object, "n").has_value());
  CHECK(optional_int(object, "n") == 7);
  CHECK_FALSE(optional_int(object, "r").has_value());
  CHECK(optional_double(object, "r") == 1.5);
  CHECK(optional_double(object, "n") == 7.0);
  CHECK(optional_bool(object, "b") == true);
  CHECK_FALSE(optional_bool(object, "s").has_value());
  REQUIRE(optional_object(object, "o"));
  CHECK(optional_object(object, "o")->contains("a"));
  CHECK_FALSE(optional_object(object, "a"));
  REQUIRE(optional_array(object, "a"));
  CHECK_FALSE(optional_array(object, "o"));
  for (const auto* absent : {"null", "missing"}) {
    CHECK_FALSE(optional_string(object, absent).has_value());
    CHECK_FALSE(optional_object(object, absent));
  }
}

TEST_CASE("the same value gives the same text, in the order of insertion") {
  CHECK(to_text(json::object{{"b", 1}, {"a", "x\n\"\x7f"}}) == "{\"b\":1,\"a\":\"x\\n\\\"\x7f\"}");
  const std::string text = R"({"z":1,"a":[true,null]})";
  CHECK(to_text(*parse_json(text)) == text);
}

}  // namespace
}  // namespace berth
