// SPDX-License-Identifier: Apache-2.0
#include "platform/health_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.hpp"

namespace berth::platform {

namespace {

using Type = HealthCheck::Type;
using Kind = HealthCheck::Kind;

constexpr double longest_seconds = 3600;
constexpr std::size_t longest_text = 4096;
constexpr std::array<std::string_view, 17> known_fields = {
    "type",    "name",    "description", "path",     "scheme",       "content",
    "headers", "command", "port",        "attempts", "timeout",      "wait",
    "uptime",  "warn",    "interval",    "listening", "initialDelay"};

Result<void> read_seconds(const JsonField& field, std::string_view key, Duration& to,
                          double least = 0) {
  BERTH_ASSIGN(const auto value, field.find(key));
  if (!value) return {};
  BERTH_ASSIGN(const double seconds, value->number(least, longest_seconds));
  to = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return {};
}

Result<Type> read_type(const JsonField& field) {
  BERTH_ASSIGN(const auto value, field.find("type"));
  if (!value) return Type::startup;
  BERTH_ASSIGN(const std::string text, value->text());
  if (text.empty()) return Type::startup;
  for (const Type type : {Type::startup, Type::liveness, Type::readiness})
    if (text == name_of(type)) return type;
  return value->refuse("must be startup, liveness or readiness, not '" + text.substr(0, 40) + "'");
}

Result<std::vector<std::string>> read_command(const JsonField& field) {
  if (field.is_text()) {
    BERTH_ASSIGN(const std::string text, field.text());
    if (text.empty()) return field.refuse("must not be empty");
    return std::vector{text};
  }
  BERTH_ASSIGN(const auto words, field.entries());
  std::vector<std::string> result;
  for (const JsonField& word : words) {
    BERTH_ASSIGN(result.emplace_back(), word.text());
  }
  if (result.empty()) return field.refuse("must not be empty");
  return result;
}

/// Names and values that cannot break out of a request's head.
Result<void> read_headers(const JsonField& field, std::map<std::string, std::string>& to) {
  const auto add = [&to](const JsonField& at, const std::string& name,
                         const std::string& value) -> Result<void> {
    const bool name_is_well = !name.empty() && std::ranges::all_of(name, [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    });
    const bool value_is_well = std::ranges::all_of(
        value, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
    if (!name_is_well || !value_is_well) return at.refuse("is no header of a request");
    to[name] = value;
    return {};
  };
  BERTH_ASSIGN(const auto list, field.find("httpHeaders"));
  if (list) {
    BERTH_ASSIGN(const auto entries, list->entries());
    for (const JsonField& entry : entries) {
      std::string name;
      std::string value;
      BERTH_TRY(entry.read("name", name));
      BERTH_TRY(entry.read("value", value));
      BERTH_TRY(add(entry, name, value));
    }
  }
  BERTH_ASSIGN(const auto map, field.find("headers"));
  if (!map) return {};
  BERTH_ASSIGN(const auto fields, map->fields());
  for (const auto& [name, entry] : fields) {
    BERTH_ASSIGN(const std::string value, entry.text());
    BERTH_TRY(add(entry, name, value));
  }
  return {};
}

/// Exactly one of path, command, uptime and listening; a port alone is "listening".
Result<void> read_kind(const JsonField& field, bool is_web, HealthCheck& check) {
  BERTH_ASSIGN(const auto path, field.find("path"));
  BERTH_ASSIGN(const auto command, field.find("command"));
  BERTH_ASSIGN(const auto uptime, field.find("uptime"));
  bool listening = false;
  BERTH_TRY(field.read("listening", listening));
  BERTH_TRY(field.read("port", check.port, 1, 65'535));
  if ((path ? 1 : 0) + (command ? 1 : 0) + (uptime ? 1 : 0) + (listening ? 1 : 0) > 1)
    return field.refuse("must have one of path, command, uptime and listening, not several");
  if (command) {
    check.kind = Kind::command;
    BERTH_ASSIGN(check.command, read_command(*command));
    return {};
  }
  if (uptime) {
    check.kind = Kind::uptime;
    return read_seconds(field, "uptime", check.uptime);
  }
  if (!path && !listening && check.port == 0)
    return field.refuse("must say what is checked: path, command, uptime, listening or port");
  check.kind = path ? Kind::http : Kind::tcp;
  if (path) {
    BERTH_ASSIGN(check.path, path->text());
    const bool plain = std::ranges::all_of(
        check.path, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
    if (!check.path.starts_with('/') || !plain || check.path.size() > longest_text)
      return path->refuse("must be a path such as /health, not '" + check.path.substr(0, 80) + "'");
  }
  if (!is_web && check.port == 0)
    return field.refuse("must have a port: only web is given one, as $PORT");
  return {};
}

Result<void> tell_unknown(const JsonField& field, std::vector<std::string>& notes) {
  BERTH_ASSIGN(const auto fields, field.fields());
  for (const auto& [key, value] : fields) {
    if (key == "httpHeaders" || std::ranges::find(known_fields, key) != known_fields.end())
      continue;
    std::string note = value.place() + ": " + value.name() + " does nothing here.";
    const std::string near = nearest(key, {known_fields.begin(), known_fields.end()});
    if (!near.empty()) note += " Did you mean '" + near + "'?";
    notes.push_back(std::move(note));
  }
  return {};
}

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::string_view name_of(Type type) {
  switch (type) {
    case Type::startup: return "startup";
    case Type::liveness: return "liveness";
    case Type::readiness: return "readiness";
  }
  return "startup";
}

std::string describe(const HealthCheck& check) {
  const std::string port =
      check.port == 0 ? "its port" : "port " + std::to_string(check.port);
  switch (check.kind) {
    case Kind::http:
      return "GET " + check.path + (check.port == 0 ? "" : " on " + port);
    case Kind::tcp:
      return "a connection to " + port;
    case Kind::command: {
      std::string words;
      for (const std::string& word : check.command) words += (words.empty() ? "" : " ") + word;
      return "`" + words + "`";
    }
    case Kind::uptime:
      return fmt::format("{:g} s of uptime", seconds(check.uptime));
  }
  return {};
}

Result<HealthCheck> read_health_check(const JsonField& field, bool is_web,
                                      std::vector<std::string>& notes) {
  HealthCheck check;
  BERTH_ASSIGN(check.type, read_type(field));
  BERTH_TRY(read_kind(field, is_web, check));
  BERTH_TRY(field.read("name", check.name));
  BERTH_TRY(field.read("content", check.content));
  BERTH_TRY(field.read("warn", check.warn));
  BERTH_TRY(field.read("attempts", check.attempts, 1, 1000));
  BERTH_TRY(read_seconds(field, "timeout", check.timeout, 0.01));
  BERTH_TRY(read_seconds(field, "wait", check.wait));
  BERTH_TRY(read_seconds(field, "interval", check.interval, 1));
  BERTH_TRY(read_seconds(field, "initialDelay", check.initial_delay));
  BERTH_TRY(read_headers(field, check.headers));
  if (check.name.size() > 200) return field.refuse("has a name longer than 200 bytes");
  std::string scheme;
  BERTH_TRY(field.read("scheme", scheme));
  if (!scheme.empty() && scheme != "http" && scheme != "HTTP")
    return field.refuse("has the scheme '" + scheme.substr(0, 20) +
                        "': replicas are spoken to by http, TLS ends at the router");
  if (!check.content.empty() && check.kind != Kind::http)
    return field.refuse("has 'content', which only a check with a path has");
  if (check.type != Type::startup && check.kind == Kind::uptime)
    return field.refuse("has 'uptime', which only a startup check can wait for");
  if (check.name.empty()) check.name = describe(check);
  BERTH_TRY(tell_unknown(field, notes));
  return check;
}

json::object to_json(const HealthCheck& check) {
  json::object result{{"type", name_of(check.type)},
                      {"attempts", check.attempts},
                      {"timeout", seconds(check.timeout)},
                      {"wait", seconds(check.wait)},
                      {"interval", seconds(check.interval)},
                      {"initialDelay", seconds(check.initial_delay)},
                      {"warn", check.warn}};
  // One that we gave it may be longer than one may be that is given.
  if (check.name != describe(check)) result["name"] = check.name;
  if (check.port != 0) result["port"] = check.port;
  switch (check.kind) {
    case Kind::http: {
      result["path"] = check.path;
      if (!check.content.empty()) result["content"] = check.content;
      json::object headers;
      for (const auto& [name, value] : check.headers) headers[name] = value;
      if (!headers.empty()) result["headers"] = std::move(headers);
      break;
    }
    case Kind::tcp:
      result["listening"] = true;
      break;
    case Kind::command:
      result["command"] = json::array(check.command.begin(), check.command.end());
      break;
    case Kind::uptime:
      result["uptime"] = seconds(check.uptime);
      break;
  }
  return result;
}

}  // namespace berth::platform
