// SPDX-License-Identifier: Apache-2.0
//
// How many replicas of each process type, how large, and who decides.
#include <algorithm>
#include <charconv>

#include "api/handlers.hpp"
#include "api/range.hpp"
#include "platform/size.hpp"

namespace berth::api {

namespace {

using platform::Formation;
using platform::FormationChange;

/// 3, "3", "+1" or "-1", the last two from `now`.
Outcome<int> read_quantity(const json::value& value, int now) {
  const auto refuse = [] {
    return invalid_params("quantity must be a number, or a change such as \"+1\" or \"-1\"");
  };
  if (value.is_int64() || value.is_uint64()) {
    const auto number =
        value.is_int64()
            ? value.get_int64()
            : static_cast<std::int64_t>(std::min<std::uint64_t>(value.get_uint64(), INT32_MAX));
    if (number < 0 || number > 1'000'000) return invalid_params("quantity must be from 0 to 100");
    return static_cast<int>(number);
  }
  if (!value.is_string()) return refuse();
  std::string_view text(value.get_string().data(), value.get_string().size());
  const char sign = text.empty() ? '\0' : text.front();
  if (sign == '+' || sign == '-') text.remove_prefix(1);
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size() || number < 0 ||
      number > 1'000'000)
    return refuse();
  if (sign == '+') return now + number;
  if (sign == '-') return std::max(0, now - number);
  return number;
}

/// `{"min":0,"max":5,"rps":20}`, what is absent as it was; or null.
Outcome<std::optional<platform::AutoscalePolicy>> read_policy(const json::value& value,
                                                              const Formation& before) {
  if (value.is_null()) return std::optional<platform::AutoscalePolicy>();
  const auto* object = value.if_object();
  if (!object) return invalid_params(R"(autoscaling must be {"min":0,"max":5,"rps":20} or null)");
  platform::AutoscalePolicy policy = before.autoscale.value_or(platform::AutoscalePolicy{});
  const auto whole = [&](std::string_view key, int& to) -> Outcome<void> {
    if (!object->contains(key)) return {};
    const auto number = optional_int(*object, key);
    if (!number || *number < 0 || *number > 1'000'000)
      return invalid_params("autoscaling." + std::string(key) + " must be a whole number from 0");
    to = static_cast<int>(*number);
    return {};
  };
  BERTH_TRY(whole("min", policy.min));
  BERTH_TRY(whole("max", policy.max));
  if (object->contains("rps")) {
    const auto rps = optional_double(*object, "rps");
    if (!rps)
      return invalid_params(
          "autoscaling.rps must be a number: requests per second for one replica");
    policy.requests_per_second = *rps;
  }
  return std::optional(policy);
}

/// `size`, or Terraform's `dyno_size: {name}`.
Outcome<std::optional<std::string>> read_size(const Call& call, const json::object& update) {
  std::optional<std::string> size = optional_string(update, "size");
  if (!size)
    if (const auto* object = optional_object(update, "dyno_size"))
      size = optional_string(*object, "name");
  if (!size) return std::optional<std::string>();
  const auto known = platform::parse_size(*size, call.settings().sizes);
  if (known.has_error()) return invalid_params(known.error().message);
  return std::optional(known->name);
}

/// By type or id.
Outcome<Formation> find_entry(const std::vector<Formation>& entries, const std::string& name) {
  for (const Formation& entry : entries)
    if (entry.type == name || formation_id(entry) == name) return entry;
  std::string known;
  for (const Formation& entry : entries) known += (known.empty() ? "" : ", ") + entry.type;
  return not_found("the app has no process type '" + name.substr(0, 63) + "'" +
                       (known.empty() ? ": nothing is deployed yet. Push first: git push berth main"
                                      : ". It has: " + known),
                   "formation");
}

Outcome<FormationChange> read_change(const Call& call, const Formation& before,
                                     const json::object& update) {
  FormationChange change{.type = before.type, .quantity = {}, .size = {}, .autoscale = {}};
  if (const auto* quantity = update.if_contains("quantity"); quantity && !quantity->is_null()) {
    BERTH_ASSIGN(change.quantity, read_quantity(*quantity, before.quantity));
  }
  BERTH_ASSIGN(change.size, read_size(call, update));
  if (const auto* policy = update.if_contains("autoscaling")) {
    BERTH_ASSIGN(change.autoscale, read_policy(*policy, before));
  }
  return change;
}

}  // namespace

Answer list_formation(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const Formation& entry : call.store().formation(app.id))
    items.push_back({{entry.type}, [&call, entry] { return call.render().formation(entry); }});
  return list_response(call.request, {"type"}, std::move(items));
}

Answer get_formation(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const Formation entry,
               find_entry(call.store().formation(app.id), call.param("type")));
  return json_response(call.render().formation(entry));
}

Answer update_formation(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto* updates = optional_array(call.body, "updates");
  if (!updates) return invalid_params(R"(give {"updates":[{"type":"web","quantity":3}]})");
  const auto entries = call.store().formation(app.id);
  std::vector<FormationChange> changes;
  for (const json::value& update : *updates) {
    const auto* object = update.if_object();
    if (!object) return invalid_params("each of updates must be an object");
    BERTH_ASSIGN(const std::string type, require_string(*object, "type"));
    BERTH_ASSIGN(const Formation before, find_entry(entries, type));
    BERTH_ASSIGN(FormationChange change, read_change(call, before, *object));
    changes.push_back(std::move(change));
  }
  BERTH_ASSIGN(const auto after, call.store().update_formation(app.id, changes, call.actor()));
  call.control().reconcile(app.id);
  json::array list;
  for (const Formation& entry : after) list.push_back(call.render().formation(entry));
  return json_response(list);
}

Answer update_formation_type(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const Formation before,
               find_entry(call.store().formation(app.id), call.param("type")));
  BERTH_ASSIGN(const FormationChange change, read_change(call, before, call.body));
  BERTH_ASSIGN(const auto after, call.store().update_formation(app.id, {change}, call.actor()));
  call.control().reconcile(app.id);
  BERTH_ASSIGN(const Formation entry, find_entry(after, before.type));
  return json_response(call.render().formation(entry));
}

}  // namespace berth::api
