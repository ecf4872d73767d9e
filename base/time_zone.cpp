// SPDX-License-Identifier: Apache-2.0
#include "base/time_zone.hpp"

#include <algorithm>
#include <cctype>

namespace berth {

namespace {

constexpr std::size_t longest_name = 64;

}  // namespace

bool is_time_zone_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name || name.starts_with('/') || name.ends_with('/'))
    return false;
  return std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+' ||
           c == '/';
  });
}

Result<TimeZone> find_time_zone(const std::string& name) {
  TimeZone zone;
  if (is_time_zone_name(name) && cctz::load_time_zone(name, &zone)) return zone;
  return Error{ErrorKind::invalid,
               "must be a time zone such as UTC or Europe/Berlin, by its name in the tz database, "
               "not '" + name.substr(0, longest_name) + "'"};
}

}  // namespace berth
