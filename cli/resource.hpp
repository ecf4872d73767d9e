// SPDX-License-Identifier: Apache-2.0
//
// Reading fields of an API resource for showing: what is absent or null is empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace berth::cli {

[[nodiscard]] inline std::string field(const json::object& object, std::string_view key) {
  return optional_string(object, key).value_or("");
}

[[nodiscard]] inline std::int64_t number(const json::object& object, std::string_view key) {
  return optional_int(object, key).value_or(0);
}

/// A field of a field: `field(release, "user", "email")`.
[[nodiscard]] inline std::string field(const json::object& object, std::string_view outer,
                                       std::string_view inner) {
  const auto* part = optional_object(object, outer);
  return part ? field(*part, inner) : std::string();
}

/// "v3", or nothing.
[[nodiscard]] inline std::string version_text(const json::object& object, std::string_view key) {
  const auto version = optional_int(object, key);
  return version ? "v" + std::to_string(*version) : std::string();
}

[[nodiscard]] inline json::object object_or_empty(const json::value& value) {
  const auto* object = value.if_object();
  return object ? *object : json::object{};
}

}  // namespace berth::cli
