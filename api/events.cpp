// SPDX-License-Identifier: Apache-2.0
//
// What happened: the audit log, and the traffic of the last seconds.
#include <charconv>
#include <limits>

#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

namespace {

constexpr int longest_traffic_s = 3600;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The audit log only grows, so a page is cut by the store and not here.
Answer page_of_events(Call& call, const std::optional<platform::AppId>& app) {
  BERTH_ASSIGN(const Range range, parse_range(call.request.header("range")));
  const bool descending = range.descending.value_or(false);
  if (!range.field.empty() && range.field != "sequence" && range.field != "id")
    return Problem(416, "requested_range_not_satisfiable",
                   "Range: events are sorted by 'sequence'");
  std::int64_t bound = descending ? std::numeric_limits<std::int64_t>::max() : 0;
  if (!range.start.empty()) {
    const auto start = whole_number(range.start);
    if (!start)
      return Problem(416, "requested_range_not_satisfiable", "Range: a sequence is a number");
    bound = range.after_start ? *start : descending ? *start + 1 : *start - 1;
  }
  auto events = descending ? call.store().events_before(bound, range.max + 1, app)
                           : call.store().events(bound, range.max + 1, app);
  if (const auto end = whole_number(range.end))
    std::erase_if(events, [&](const platform::Event& event) {
      return descending ? event.sequence < *end : event.sequence > *end;
    });
  const bool more = events.size() > range.max;
  if (more) events.resize(range.max);
  json::array list;
  for (const platform::Event& event : events) list.push_back(call.render().event(event));
  Response response = json_response(list);
  add_page_headers(response, range, "sequence",
                   events.empty() ? "" : std::to_string(events.front().sequence),
                   events.empty() ? "" : std::to_string(events.back().sequence), more);
  return response;
}

}  // namespace

Answer list_app_events(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return page_of_events(call, app.id);
}

Answer list_events(Call& call) { return page_of_events(call, std::nullopt); }

Answer get_traffic(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::int64_t seconds = 60;
  if (const auto found = call.request.query.find("seconds"); found != call.request.query.end()) {
    const auto given = whole_number(found->second);
    if (!given || *given < 1 || *given > longest_traffic_s)
      return invalid_params("seconds must be a number from 1 to " +
                            std::to_string(longest_traffic_s));
    seconds = *given;
  }
  json::array list;
  for (const TrafficSample& sample : call.control().traffic(app.id, static_cast<int>(seconds)))
    list.push_back(call.render().traffic(sample));
  return json_response(list);
}

}  // namespace berth::api
