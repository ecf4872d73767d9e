// SPDX-License-Identifier: Apache-2.0
#include "api/range.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace berth::api {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Problem unsatisfiable(std::string_view message) {
  return {416, "requested_range_not_satisfiable", message};
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// `max=15` or `order=desc`
Outcome<void> read_option(std::string_view option, Range& range) {
  const auto equals = option.find('=');
  const std::string_view name = trimmed(option.substr(0, equals));
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : trimmed(option.substr(equals + 1));
  if (name == "order") {
    range.descending = value == "desc";
  } else if (name == "max") {
    const auto max = number(value);
    if (!max || *max < 1) return unsatisfiable("Range: max must be a number from 1 to 1000");
    range.max = std::min(static_cast<std::size_t>(*max), largest_page);
  }
  return {};
}

/// `version ]5..9`
void read_bounds(std::string_view text, Range& range) {
  const auto space = text.find(' ');
  range.field = std::string(text.substr(0, space));
  if (space == std::string_view::npos) return;
  std::string_view bounds = trimmed(text.substr(space + 1));
  const auto dots = bounds.find("..");
  if (dots == std::string_view::npos) return;
  std::string_view start = trimmed(bounds.substr(0, dots));
  range.after_start = start.starts_with(']');
  if (range.after_start) start.remove_prefix(1);
  range.start = std::string(start);
  range.end = std::string(trimmed(bounds.substr(dots + 2)));
}

std::string text_of(const ListItem::Key& key) {
  if (const auto* value = std::get_if<std::int64_t>(&key)) return std::to_string(*value);
  return std::get<std::string>(key);
}

/// The bound as a key of the same type; nothing if it is open.
Outcome<std::optional<ListItem::Key>> bound(const std::string& text, const ListItem::Key& like) {
  if (text.empty()) return std::optional<ListItem::Key>();
  if (std::holds_alternative<std::string>(like)) return std::optional<ListItem::Key>(text);
  const auto value = number(text);
  if (!value) return unsatisfiable("Range: '" + text.substr(0, 40) + "' is not a number");
  return std::optional<ListItem::Key>(*value);
}

}  // namespace

Outcome<Range> parse_range(std::string_view header) {
  Range range;
  bool first = true;
  while (!header.empty()) {
    const auto end = header.find_first_of(";,");
    const std::string_view part = trimmed(header.substr(0, end));
    header.remove_prefix(end == std::string_view::npos ? header.size() : end + 1);
    if (part.empty()) continue;
    if (first && part.find('=') == std::string_view::npos)
      read_bounds(part, range);
    else
      BERTH_TRY(read_option(part, range));
    first = false;
  }
  return range;
}

void add_page_headers(Response& response, const Range& range, std::string_view field,
                      const std::string& first, const std::string& last, bool more) {
  const std::string name(field);
  if (!first.empty())
    response.headers.emplace_back("Content-Range", name + " " + first + ".." + last);
  if (!more) return;
  response.status = 206;
  response.headers.emplace_back(
      "Next-Range", name + " ]" + last + ".." + range.end + "; max=" + std::to_string(range.max) +
                        (range.descending.value_or(false) ? ",order=desc" : ""));
}

Answer list_response(const Request& request, const std::vector<std::string_view>& fields,
                     std::vector<ListItem> items) {
  BERTH_ASSIGN(const Range range, parse_range(request.header("range")));
  std::size_t column = 0;
  if (!range.field.empty()) {
    const auto found = std::ranges::find(fields, range.field);
    if (found == fields.end())
      return unsatisfiable("Range: this list cannot be sorted by '" + range.field.substr(0, 40) +
                           "'");
    column = static_cast<std::size_t>(found - fields.begin());
  }
  const bool descending = range.descending.value_or(false);
  std::ranges::sort(items, [&](const ListItem& a, const ListItem& b) {
    const auto& [low, high] = descending ? std::tie(b, a) : std::tie(a, b);
    return std::tie(low.keys[column], low.keys) < std::tie(high.keys[column], high.keys);
  });
  if (!items.empty()) {
    BERTH_ASSIGN(const auto start, bound(range.start, items.front().keys[column]));
    BERTH_ASSIGN(const auto end, bound(range.end, items.front().keys[column]));
    std::erase_if(items, [&](const ListItem& item) {
      const auto& key = item.keys[column];
      if (start && (descending ? key > *start : key < *start)) return true;
      if (start && range.after_start && key == *start) return true;
      return end && (descending ? key < *end : key > *end);
    });
  }
  const bool more = items.size() > range.max;
  if (more) items.resize(range.max);
  json::array list;
  for (const ListItem& item : items) list.push_back(item.shape());
  Response response = json_response(list);
  add_page_headers(response, range, fields[column],
                   items.empty() ? "" : text_of(items.front().keys[column]),
                   items.empty() ? "" : text_of(items.back().keys[column]), more);
  return response;
}

}  // namespace berth::api
