// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/serialize.hpp>

namespace berth {

namespace {

const json::value* find(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value && !value->is_null() ? value : nullptr;
}

Error missing(const json::object& object, std::string_view key, std::string_view type) {
  const std::string name(key);
  if (find(object, key))
    return {ErrorKind::invalid, "'" + name + "' must be " + std::string(type)};
  return {ErrorKind::invalid, "'" + name + "' is required"};
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 64;
  json::stream_parser parser(json::storage_ptr{}, options);
  boost::system::error_code failure;
  const std::size_t consumed = parser.write_some(text.data(), text.size(), failure);
  if (!failure) parser.finish(failure);
  if (failure)
    return Error{ErrorKind::invalid,
                 "not valid JSON at byte " + std::to_string(consumed) + ": " + failure.message()};
  if (text.substr(consumed).find_first_not_of(" \t\r\n") != std::string_view::npos)
    return Error{ErrorKind::invalid,
                 "not valid JSON: text after the document at byte " + std::to_string(consumed)};
  return parser.release();
}

Result<json::object> parse_json_object(std::string_view text) {
  BERTH_ASSIGN(auto value, parse_json(text));
  if (!value.is_object()) return Error{ErrorKind::invalid, "expected a JSON object"};
  return std::move(value.get_object());
}

Result<std::string> require_string(const json::object& object, std::string_view key) {
  if (auto text = optional_string(object, key)) return std::move(*text);
  return missing(object, key, "a string");
}

Result<std::int64_t> require_int(const json::object& object, std::string_view key) {
  if (auto number = optional_int(object, key)) return *number;
  return missing(object, key, "a whole number");
}

std::optional<std::string> optional_string(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::int64_t> optional_int(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (!value) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64() && value->get_uint64() <= INT64_MAX)
    return static_cast<std::int64_t>(value->get_uint64());
  return std::nullopt;
}

std::optional<double> optional_double(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<bool> optional_bool(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (!value || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

const json::object* optional_object(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  return value ? value->if_object() : nullptr;
}

const json::array* optional_array(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  return value ? value->if_array() : nullptr;
}

std::string to_text(const json::value& value) { return json::serialize(value); }

}  // namespace berth
