// SPDX-License-Identifier: Apache-2.0
//
// How an app's replicas are replaced, and its canary: a release that gets a part of the requests.
#include <map>

#include "api/handlers.hpp"
#include "platform/rollout.hpp"

namespace berth::api {

namespace {

json::object to_json(const platform::RolloutSettings& settings) {
  json::object result;
  for (const auto& [key, value] : platform::rollout_values(settings)) result[key] = value;
  return result;
}

json::object to_json(const AnsweredView& answered) {
  return {{"requests", answered.requests},
          {"failed", answered.failed},
          {"p95_ms", static_cast<double>(answered.p95_us) / 1000}};
}

/// The settings with these changes; null returns one to its default.
Outcome<platform::RolloutSettings> changed(const platform::RolloutSettings& before,
                                           const json::object& changes) {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : platform::rollout_values(before)) values[key] = value;
  for (const auto& [key, value] : changes) {
    if (value.is_null())
      values.erase(key);
    else if (value.is_string())
      values[key] = std::string(value.get_string());
    else
      return invalid_params("each of the settings must be a string or null, such as "
                            R"({"surge":"25%","canary":null})");
  }
  std::vector<std::string> words;
  for (const auto& [key, value] : values) words.push_back(key + "=" + value);
  const auto settings = platform::parse_rollout(words);
  if (settings.has_error()) return invalid_params(settings.error().message);
  return *settings;
}

Answer canary_response(Call& call, const Result<platform::Release>& release, int status = 200) {
  if (release.has_error()) return Problem(release.error());
  call.control().reconcile(release->app);
  return json_response(call.render().release(*release), status);
}

}  // namespace

Answer get_rollout(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(to_json(app.rollout));
}

Answer update_rollout(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::RolloutSettings settings, changed(app.rollout, call.body));
  BERTH_ASSIGN(const platform::App after,
               call.store().set_rollout(app.id, settings, call.actor()));
  call.control().reconcile(app.id);
  return json_response(to_json(after.rollout));
}

Answer get_canary(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto target = call.store().target_release(app.id);
  if (!target || !target->is_canary())
    return Problem(Error{ErrorKind::not_found,
                         "no release of " + app.name + " is a canary. `berth releases:canary v12 "
                         "--weight 5%` makes one"});
  const CanaryView view = call.control().canary(app.id);
  return json_response(json::object{
      {"release", call.render().release(*target)},
      {"weight", target->canary},
      {"promote", to_json(app.rollout).at("promote")},
      {"since", view.since == Time{} ? json::value() : json::value(rfc3339(view.since))},
      {"canary", to_json(view.canary)},
      {"regular", to_json(view.regular)}});
}

Answer create_canary(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const std::string wanted, require_string(call.body, "release"));
  const auto weight = optional_int(call.body, "weight").value_or(0);
  if (weight < 1 || weight > 99)
    return invalid_params("'weight' must be the percentage of the requests, 1 to 99");
  BERTH_ASSIGN(const platform::Release old,
               or_missing(call.store().find_release(app.id, wanted), "release"));
  if (!old.image.empty())
    if (const auto kept = call.control().check_kept(old); kept.has_error())
      return Problem(kept.error());
  return canary_response(
      call, call.store().create_canary(app.id, wanted, static_cast<int>(weight), call.actor()),
      201);
}

Answer promote_canary(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return canary_response(call, call.store().promote_canary(app.id, call.actor()));
}

Answer abort_canary(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return canary_response(call, call.store().abort_canary(app.id, call.actor()));
}

}  // namespace berth::api
