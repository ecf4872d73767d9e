// SPDX-License-Identifier: Apache-2.0
#include "platform/cron_schedule.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace berth::platform {

namespace {

using Names = std::vector<std::string_view>;

struct Field {
  std::string_view name;
  int least;
  int most;
  Names names;  ///< of the values from `least` on
};

const std::array<Field, 5>& fields() {
  static const std::array<Field, 5> all = {
      {{"minute", 0, 59, {}},
       {"hour", 0, 23, {}},
       {"day of the month", 1, 31, {}},
       {"month",
        1,
        12,
        {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
       {"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}}};
  return all;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> nicknames = {
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};

constexpr std::array<int, 13> longest_month = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

Error refuse(const Field& field, std::string_view text) {
  std::string allowed = std::to_string(field.least) + " to " + std::to_string(field.most);
  if (!field.names.empty())
    allowed += " or " + std::string(field.names.front()) + " to " + std::string(field.names.back());
  return {ErrorKind::invalid, "has '" + std::string(text.substr(0, 40)) + "' as its " +
                                  std::string(field.name) + ": allowed are " + allowed +
                                  ", *, ranges (1-5), steps (*/2) and lists of them (1,5)"};
}

/// A number of at most three digits, or a name.
std::optional<int> value_of(const Field& field, std::string_view text) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size() && text.size() <= 3 &&
      std::isdigit(static_cast<unsigned char>(text.front())))
    return number >= field.least && number <= field.most ? std::optional(number) : std::nullopt;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto found = std::ranges::find(field.names, lower);
  if (found == field.names.end()) return std::nullopt;
  return field.least + static_cast<int>(found - field.names.begin());
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// "*", "7", "1-5", each with a step behind it: "*/2".
std::optional<std::vector<int>> values_of(const Field& field, std::string_view item) {
  const auto slash = item.find('/');
  int step = 1;
  if (slash != std::string_view::npos) {
    const std::string_view text = item.substr(slash + 1);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (failure != std::errc{} || end != text.data() + text.size() || step < 1 || step > field.most)
      return std::nullopt;
  }
  const std::string_view range = item.substr(0, slash);
  int first = field.least;
  int last = field.most == 7 ? 6 : field.most;
  if (range != "*") {
    const auto dash = range.find('-');
    const auto from = value_of(field, range.substr(0, dash));
    if (!from) return std::nullopt;
    first = *from;
    if (dash != std::string_view::npos) {
      const auto to = value_of(field, range.substr(dash + 1));
      if (!to) return std::nullopt;
      // A week may end on its Sunday.
      last = *to == 0 && field.most == 7 && first > 0 ? 7 : *to;
    } else if (slash == std::string_view::npos) {
      last = first;
    } else if (first > last) {
      last = first;
    }
  }
  if (first > last) return std::nullopt;
  std::vector<int> result;
  for (int value = first; value <= last; value += step) result.push_back(value);
  return result;
}

template <std::size_t size>
Result<void> read_field(const Field& field, std::string_view text, std::bitset<size>& to) {
  for (const std::string_view item : split(text, ',')) {
    const auto values = item.empty() ? std::nullopt : values_of(field, item);
    if (!values) return refuse(field, text);
    for (const int value : *values) to.set(static_cast<std::size_t>(value) % size);
  }
  return {};
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

bool can_come(const CronSchedule& schedule) {
  if (schedule.either_day) return true;
  for (std::size_t month = 1; month <= 12; ++month)
    for (int day = 1; schedule.months[month] && day <= longest_month[month]; ++day)
      if (schedule.days[static_cast<std::size_t>(day)]) return true;
  return false;
}

}  // namespace

bool CronSchedule::on_day(int month, int day, int weekday) const {
  if (!months[static_cast<std::size_t>(month)]) return false;
  const bool by_month = days[static_cast<std::size_t>(day)];
  const bool by_week = weekdays[static_cast<std::size_t>(weekday)];
  return either_day ? by_month || by_week : by_month && by_week;
}

Result<CronSchedule> parse_cron_schedule(std::string_view text) {
  std::vector<std::string_view> words = words_of(text);
  if (words.size() == 1 && words.front().starts_with('@')) {
    const auto known =
        std::ranges::find(nicknames, words.front(), [](const auto& entry) { return entry.first; });
    if (known == nicknames.end())
      return Error{ErrorKind::invalid, "must not be '" + std::string(words.front().substr(0, 40)) +
                                           "': allowed are @hourly, @daily, @weekly, @monthly, "
                                           "@yearly and five fields"};
    words = words_of(known->second);
  }
  if (words.size() != 5)
    return Error{ErrorKind::invalid,
                 "must have five fields (minute, hour, day of the month, month, day of the week), "
                 "such as '30 4 * * 1-5', and has " + std::to_string(words.size())};
  CronSchedule schedule;
  BERTH_TRY(read_field(fields()[0], words[0], schedule.minutes));
  BERTH_TRY(read_field(fields()[1], words[1], schedule.hours));
  BERTH_TRY(read_field(fields()[2], words[2], schedule.days));
  BERTH_TRY(read_field(fields()[3], words[3], schedule.months));
  BERTH_TRY(read_field(fields()[4], words[4], schedule.weekdays));
  // crontab(5): with a day of both kinds, either will do.
  schedule.either_day = !words[2].starts_with('*') && !words[4].starts_with('*');
  if (!can_come(schedule))
    return Error{ErrorKind::invalid, "is never due: none of its months has the day '" +
                                         std::string(words[2].substr(0, 40)) + "'"};
  return schedule;
}

}  // namespace berth::platform
