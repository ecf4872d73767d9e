// SPDX-License-Identifier: Apache-2.0
#include "builder/toml_library.hpp"

#include "builder/toml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace berth::builder {

namespace {

std::string date_text(const toml::date& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

std::string time_text(const toml::time& time) {
  std::string text = fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
  if (time.nanosecond != 0) text += fmt::format(".{:09}", time.nanosecond);
  return text;
}

std::string date_time_text(const toml::date_time& value) {
  std::string text = date_text(value.date) + "T" + time_text(value.time);
  if (!value.offset) return text;
  const int minutes = value.offset->minutes;
  if (minutes == 0) return text + "Z";
  return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                            std::abs(minutes) % 60);
}

json::object object_of(const toml::table& table);

json::value value_of(const toml::node& node) {
  if (const auto* table = node.as_table()) return object_of(*table);
  if (const auto* array = node.as_array()) {
    json::array values;
    for (const auto& entry : *array) values.push_back(value_of(entry));
    return values;
  }
  if (const auto* text = node.as_string()) return json::string(text->get());
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* date = node.as_date()) return json::string(date_text(date->get()));
  if (const auto* time = node.as_time()) return json::string(time_text(time->get()));
  if (const auto* both = node.as_date_time()) return json::string(date_time_text(both->get()));
  if (const auto* real = node.as_floating_point()) {
    // JSON has no word for these two.
    if (!std::isfinite(real->get()))
      return json::string(std::isnan(real->get()) ? "nan" : real->get() < 0 ? "-inf" : "inf");
    return real->get();
  }
  return nullptr;
}

json::object object_of(const toml::table& table) {
  json::object object;
  for (const auto& [key, node] : table) object[key.str()] = value_of(node);
  return object;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        else
          result += c;
    }
  }
  return result + "\"";
}

std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? std::string(key) : quoted(key);
}

bool is_table_array(const json::value& value) {
  return value.is_array() && !value.get_array().empty() &&
         std::all_of(value.get_array().begin(), value.get_array().end(),
                     [](const json::value& entry) { return entry.is_object(); });
}

/// A value after "key =".
std::string inline_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return quoted(value.get_string());
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return std::to_string(value.get_int64());
    case json::kind::uint64: return std::to_string(value.get_uint64());
    case json::kind::double_: {
      const std::string text = fmt::format("{}", value.get_double());
      return text.find_first_of(".e") == text.npos ? text + ".0" : text;
    }
    case json::kind::array: {
      std::string text = "[";
      for (const auto& entry : value.get_array())
        if (!entry.is_null()) text += (text.size() > 1 ? ", " : "") + inline_text(entry);
      return text + "]";
    }
    case json::kind::object: {
      std::string text = "{";
      for (const auto& [key, entry] : value.get_object())
        if (!entry.is_null())
          text += (text.size() > 1 ? ", " : "") + key_text(key) + " = " + inline_text(entry);
      return text + "}";
    }
    case json::kind::null: break;
  }
  return "\"\"";
}

void write_table(const json::object& object, const std::string& path, std::string& text) {
  for (const auto& [key, value] : object)
    if (!value.is_null() && !value.is_object() && !is_table_array(value))
      text += key_text(key) + " = " + inline_text(value) + "\n";
  for (const auto& [key, value] : object) {
    const std::string full = path.empty() ? key_text(key) : path + "." + key_text(key);
    if (value.is_object()) {
      text += (text.empty() ? "[" : "\n[") + full + "]\n";
      write_table(value.get_object(), full, text);
    } else if (is_table_array(value)) {
      for (const auto& entry : value.get_array()) {
        text += (text.empty() ? "[[" : "\n[[") + full + "]]\n";
        write_table(entry.get_object(), full, text);
      }
    }
  }
}

}  // namespace

Result<json::object> parse_toml(std::string_view text) {
  BERTH_ASSIGN(const toml::table table, parse_toml_text(text));
  return object_of(table);
}

std::string write_toml(const json::object& object) {
  std::string text;
  write_table(object, "", text);
  return text;
}

}  // namespace berth::builder
