// SPDX-License-Identifier: Apache-2.0
//
// Checks a value against the part of JSON Schema that our OpenAPI document uses. Returns what is
// wrong and where; "" if nothing is. A keyword that it does not know is wrong, not ignored.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/json.hpp"

namespace berth::test {

class JsonSchema final {
 public:
  explicit JsonSchema(const json::object& schemas) : schemas_(schemas) {}

  [[nodiscard]] std::string check(const json::object& schema, const json::value& value,
                                  const std::string& where = "$") const {
    for (const auto& [key, argument] : schema) {
      std::string wrong = keyword(key, argument, schema, value, where);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  [[nodiscard]] std::string keyword(std::string_view key, const json::value& argument,
                                    const json::object& schema, const json::value& value,
                                    const std::string& where) const {
    if (key == "$ref") return check(resolve(argument), value, where);
    if (key == "type")
      return is_type(argument.get_string(), value) ? "" : where + " is no " + text(argument);
    if (key == "format") return format(argument.get_string(), value, where);
    if (key == "enum") {
      const auto& words = argument.get_array();
      return std::ranges::find(words, value) != words.end() ? "" : where + " is " + to_text(value);
    }
    if (key == "anyOf") {
      std::string wrong;
      for (const auto& option : argument.get_array()) {
        wrong = check(option.get_object(), value, where);
        if (wrong.empty()) return {};
      }
      return wrong;
    }
    if (key == "required") {
      for (const auto& name : argument.get_array())
        if (value.is_object() && !value.get_object().contains(name.get_string()))
          return where + " lacks " + text(name);
      return {};
    }
    if (key == "items") return items(argument.get_object(), value, where);
    if (key == "properties" || key == "additionalProperties")
      return properties(schema, value, where);
    return where + ": the keyword " + std::string(key) + " is not known";
  }

  [[nodiscard]] std::string items(const json::object& schema, const json::value& value,
                                  const std::string& where) const {
    if (!value.is_array()) return {};
    std::size_t index = 0;
    for (const auto& item : value.get_array()) {
      std::string wrong = check(schema, item, where + "[" + std::to_string(index++) + "]");
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  [[nodiscard]] std::string properties(const json::object& schema, const json::value& value,
                                       const std::string& where) const {
    if (!value.is_object()) return {};
    const auto* known = optional_object(schema, "properties");
    const auto* others = schema.if_contains("additionalProperties");
    for (const auto& [name, member] : value.get_object()) {
      const std::string here = where + "." + std::string(name);
      const auto* named = known ? known->if_contains(name) : nullptr;
      if (!named && others && others->is_bool()) return here + " is not in the schema";
      const auto* rule = named ? named : others;
      std::string wrong = rule ? check(rule->as_object(), member, here) : "";
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  [[nodiscard]] const json::object& resolve(const json::value& reference) const {
    std::string_view name(reference.get_string());
    return schemas_.at(name.substr(name.rfind('/') + 1)).as_object();
  }

  static bool is_type(std::string_view type, const json::value& value) {
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_bool();
    if (type == "null") return value.is_null();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  static std::string format(std::string_view name, const json::value& value,
                            const std::string& where) {
    if (!value.is_string()) return {};
    const std::string_view text(value.get_string());
    if (name == "date-time") return parse_rfc3339(text).has_error() ? where + " is no time" : "";
    if (name != "uuid") return where + ": the format " + std::string(name) + " is not known";
    const bool good = text.size() == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' &&
                      text[23] == '-';
    return good ? "" : where + " is no UUID";
  }

  static std::string text(const json::value& value) { return to_text(value); }

  const json::object& schemas_;
};

}  // namespace berth::test
