// SPDX-License-Identifier: Apache-2.0
#include "platform/routing_settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.hpp"
#include "platform/units.hpp"

namespace berth::platform {

namespace {

using std::chrono::milliseconds;

Error refuse(std::string_view name, std::string_view what) {
  return {ErrorKind::invalid, std::string(name) + " " + std::string(what)};
}

std::string shown(std::string_view value) { return "'" + std::string(value.substr(0, 60)) + "'"; }

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Result<std::uint32_t> count_of(std::string_view name, std::string_view value, std::uint64_t most) {
  const auto number = whole_number(value);
  if (!number || *number < 1 || *number > most)
    return refuse(name, "must be a whole number from 1 to " + std::to_string(most) + ", not " +
                            shown(value));
  return static_cast<std::uint32_t>(*number);
}

// ---- One setting after the other: how its text is read, and written ----------------------------

constexpr std::uint64_t most_requests = 1'000'000;

Result<void> set_rate_limit(RoutingSettings& settings, std::string_view value) {
  const std::size_t slash = std::min(value.find('/'), value.size());
  const auto requests = whole_number(value.substr(0, slash));
  const std::string_view unit = value.substr(std::min(slash + 1, value.size()));
  const std::uint32_t per_s = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (!requests || *requests < 1 || *requests > most_requests || per_s == 0)
    return refuse("rate_limit", "must be requests in a second, minute or hour, such as 100/s, "
                                "600/m or 1000/h, not " + shown(value));
  settings.rate_limit = {.requests = static_cast<std::uint32_t>(*requests), .per_s = per_s};
  return {};
}
std::string rate_limit_text(const RoutingSettings& settings) {
  if (!settings.rate_limit) return {};
  const std::uint32_t per_s = settings.rate_limit->per_s;
  return std::to_string(settings.rate_limit->requests) +
         (per_s == 1 ? "/s" : per_s == 60 ? "/m" : "/h");
}

Result<void> set_rate_burst(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.rate_burst, count_of("rate_burst", value, most_requests));
  return {};
}

Result<void> set_rate_by(RoutingSettings& settings, std::string_view value) {
  constexpr std::string_view prefix = "header:";
  settings.rate_by.clear();
  if (value == "address") return {};
  const std::string_view header = value.substr(std::min(prefix.size(), value.size()));
  const bool legal = value.starts_with(prefix) && !header.empty() && header.size() <= 100 &&
                     std::ranges::all_of(header, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_';
                     });
  if (!legal)
    return refuse("rate_by", "must be address, or header:NAME such as header:X-Api-Key, not " +
                                 shown(value));
  for (const char c : header)
    settings.rate_by += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return {};
}
std::string rate_by_text(const RoutingSettings& settings) {
  return settings.rate_by.empty() ? "" : "header:" + settings.rate_by;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> units{"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes && bytes % 1024 == 0 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  return std::to_string(bytes) + std::string(units[unit]);
}

Result<std::uint64_t> bytes_of(std::string_view name, std::string_view value, std::uint64_t least,
                               std::uint64_t most) {
  BERTH_ASSIGN(const std::uint64_t bytes, with_context(parse_bytes(value), name));
  if (bytes < least || bytes > most)
    return refuse(name, "must be from " + bytes_text(least) + " to " + bytes_text(most) + ", not " +
                            shown(value));
  return bytes;
}

Result<void> set_max_body(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.max_body, bytes_of("max_body", value, 1, 1ULL << 50));
  return {};
}

Result<void> set_max_head(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(const std::uint64_t bytes, bytes_of("max_head", value, 256, 16 << 10));
  settings.max_head = static_cast<std::uint32_t>(bytes);
  return {};
}

Result<void> set_max_in_flight(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.max_in_flight, count_of("max_in_flight", value, 1'000'000));
  return {};
}

Result<void> set_allow_from(RoutingSettings& settings, std::string_view value) {
  constexpr std::size_t most_networks = 1000;
  std::vector<IpNetwork> networks;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(", "), value.size());
    if (end > 0) {
      BERTH_ASSIGN(const IpNetwork network,
                   with_context(IpNetwork::parse(value.substr(0, end)), "allow_from"));
      networks.push_back(network);
    }
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  if (networks.empty() || networks.size() > most_networks)
    return refuse("allow_from", "must be 1 to 1000 addresses or networks with commas between "
                                "them, such as 192.0.2.7,10.0.0.0/8");
  settings.allow_from = std::move(networks);
  return {};
}
std::string allow_from_text(const RoutingSettings& settings) {
  std::string text;
  for (const IpNetwork& network : settings.allow_from)
    text += (text.empty() ? "" : ",") + network.text();
  return text;
}

Result<bool> switch_of(std::string_view name, std::string_view value) {
  if (value != "on" && value != "off")
    return refuse(name, "must be on or off, not " + shown(value));
  return value == "on";
}

Result<void> set_sticky(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.sticky, switch_of("sticky", value));
  return {};
}
Result<void> set_trace(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.trace, switch_of("trace", value));
  return {};
}

Result<void> set_log_sample(RoutingSettings& settings, std::string_view value) {
  const bool percent = value.ends_with('%');
  const auto number = whole_number(percent ? value.substr(0, value.size() - 1) : value);
  if (!number || *number > 100)
    return refuse("log_sample", "must be from 0% to 100%, not " + shown(value));
  settings.log_sample = static_cast<int>(*number);
  return {};
}

Result<milliseconds> time_of(std::string_view name, std::string_view value) {
  BERTH_ASSIGN(const milliseconds time, with_context(parse_duration(value), name));
  if (time < milliseconds(1) || time > std::chrono::hours(24))
    return refuse(name, "must be from 1ms to 24h, not " + shown(value));
  return time;
}
std::string time_text(const std::optional<milliseconds>& time) {
  if (!time) return {};
  const auto count = time->count();
  if (count % 3'600'000 == 0) return std::to_string(count / 3'600'000) + "h";
  if (count % 60'000 == 0) return std::to_string(count / 60'000) + "m";
  if (count % 1000 == 0) return std::to_string(count / 1000) + "s";
  return std::to_string(count) + "ms";
}

Result<void> set_first_byte_timeout(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.first_byte_timeout, time_of("first_byte_timeout", value));
  return {};
}
Result<void> set_idle_timeout(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.idle_timeout, time_of("idle_timeout", value));
  return {};
}
Result<void> set_hold_timeout(RoutingSettings& settings, std::string_view value) {
  BERTH_ASSIGN(settings.hold_timeout, time_of("hold_timeout", value));
  return {};
}

std::string text_or_nothing(std::uint64_t number) { return number ? std::to_string(number) : ""; }

struct Setting {
  std::string_view name;
  Result<void> (*set)(RoutingSettings&, std::string_view);
  void (*unset)(RoutingSettings&);
  std::string (*text)(const RoutingSettings&);
};

using S = RoutingSettings;
constexpr std::array<Setting, 13> table{{
    {"rate_limit", set_rate_limit, [](S& s) { s.rate_limit.reset(); }, rate_limit_text},
    {"rate_burst", set_rate_burst, [](S& s) { s.rate_burst = 0; },
     [](const S& s) { return text_or_nothing(s.rate_burst); }},
    {"rate_by", set_rate_by, [](S& s) { s.rate_by.clear(); }, rate_by_text},
    {"max_body", set_max_body, [](S& s) { s.max_body = 0; },
     [](const S& s) { return s.max_body ? bytes_text(s.max_body) : ""; }},
    {"max_head", set_max_head, [](S& s) { s.max_head = 0; },
     [](const S& s) { return s.max_head ? bytes_text(s.max_head) : ""; }},
    {"max_in_flight", set_max_in_flight, [](S& s) { s.max_in_flight = 0; },
     [](const S& s) { return text_or_nothing(s.max_in_flight); }},
    {"allow_from", set_allow_from, [](S& s) { s.allow_from.clear(); }, allow_from_text},
    {"sticky", set_sticky, [](S& s) { s.sticky = false; },
     [](const S& s) { return std::string(s.sticky ? "on" : ""); }},
    {"trace", set_trace, [](S& s) { s.trace = false; },
     [](const S& s) { return std::string(s.trace ? "on" : ""); }},
    {"log_sample", set_log_sample, [](S& s) { s.log_sample = 100; },
     [](const S& s) { return s.log_sample == 100 ? "" : std::to_string(s.log_sample) + "%"; }},
    {"first_byte_timeout", set_first_byte_timeout, [](S& s) { s.first_byte_timeout.reset(); },
     [](const S& s) { return time_text(s.first_byte_timeout); }},
    {"idle_timeout", set_idle_timeout, [](S& s) { s.idle_timeout.reset(); },
     [](const S& s) { return time_text(s.idle_timeout); }},
    {"hold_timeout", set_hold_timeout, [](S& s) { s.hold_timeout.reset(); },
     [](const S& s) { return time_text(s.hold_timeout); }},
}};

}  // namespace

const std::vector<std::string_view>& routing_setting_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Setting& setting : table) all.push_back(setting.name);
    return all;
  }();
  return names;
}

std::string routing_setting(const RoutingSettings& settings, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Setting::name);
  return found == table.end() ? "" : found->text(settings);
}

Result<void> set_routing_setting(RoutingSettings& settings, std::string_view name,
                                 const std::optional<std::string>& value) {
  const auto found = std::ranges::find(table, name, &Setting::name);
  if (found == table.end()) {
    std::string names;
    for (const Setting& setting : table)
      names += (names.empty() ? "" : ", ") + std::string(setting.name);
    return Error{ErrorKind::invalid,
                 shown(name) + " is no setting of routing. There are: " + names};
  }
  if (value) return found->set(settings, *value);
  found->unset(settings);
  return {};
}

Result<void> check_routing_user(std::string_view name) {
  const bool legal = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-' || c == '_' || c == '@';
  });
  if (legal) return {};
  return Error{ErrorKind::invalid, "the user " + shown(name) +
                                       " has no valid name: use 1 to 64 letters, digits and "
                                       "'.', '-', '_', '@'"};
}

std::string routing_text(const RoutingSettings& settings) {
  if (settings == RoutingSettings{}) return {};
  json::object object;
  for (const Setting& setting : table)
    if (std::string text = setting.text(settings); !text.empty()) object[setting.name] = text;
  json::object users;
  for (const auto& [name, hash] : settings.users) users[name] = hash;
  if (!users.empty()) object["users"] = std::move(users);
  if (!settings.sticky_key.empty()) object["sticky_key"] = settings.sticky_key;
  return to_text(object);
}

Result<RoutingSettings> parse_routing(std::string_view text) {
  RoutingSettings settings;
  if (text.empty()) return settings;
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  for (const Setting& setting : table)
    if (const auto value = optional_string(object, setting.name))
      BERTH_TRY(setting.set(settings, *value));
  if (const json::object* users = optional_object(object, "users"))
    for (const auto& [name, hash] : *users) {
      if (!hash.is_string()) return Error{ErrorKind::invalid, "a user without a hash"};
      settings.users.emplace(name, hash.get_string());
    }
  settings.sticky_key = optional_string(object, "sticky_key").value_or("");
  return settings;
}

}  // namespace berth::platform
