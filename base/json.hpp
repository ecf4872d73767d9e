// SPDX-License-Identifier: Apache-2.0
//
// Boost.JSON with the few accessors that reading somebody else's document needs: each says which
// field is missing or of the wrong type instead of throwing.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth {

namespace json = boost::json;

/// Parses one JSON document of at most 64 levels of nesting; the error names the position.
[[nodiscard]] Result<json::value> parse_json(std::string_view text);
[[nodiscard]] Result<json::object> parse_json_object(std::string_view text);

/// The field, or an error that names it. Absent and null are both errors.
[[nodiscard]] Result<std::string> require_string(const json::object& object, std::string_view key);
[[nodiscard]] Result<std::int64_t> require_int(const json::object& object, std::string_view key);

/// The field, or nothing if absent, null or of another type.
[[nodiscard]] std::optional<std::string> optional_string(const json::object& object,
                                                         std::string_view key);
[[nodiscard]] std::optional<std::int64_t> optional_int(const json::object& object,
                                                       std::string_view key);
[[nodiscard]] std::optional<double> optional_double(const json::object& object,
                                                    std::string_view key);
[[nodiscard]] std::optional<bool> optional_bool(const json::object& object, std::string_view key);
[[nodiscard]] const json::object* optional_object(const json::object& object,
                                                  std::string_view key);
[[nodiscard]] const json::array* optional_array(const json::object& object, std::string_view key);

/// Compact, keys in insertion order: the same value gives the same bytes.
[[nodiscard]] std::string to_text(const json::value& value);

}  // namespace berth
