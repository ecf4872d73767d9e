// SPDX-License-Identifier: Apache-2.0
//
// Apps and their config vars.
#include <algorithm>
#include <array>
#include <charconv>

#include "api/handlers.hpp"
#include "api/range.hpp"
#include "base/crypto.hpp"

namespace berth::api {

namespace {

/// "quiet-harbor-4821"
std::string made_up_name() {
  constexpr std::array adjectives = {"amber", "brave",  "calm",  "clear", "deep",  "early",
                                     "fair",  "gentle", "keen",  "lucky", "merry", "misty",
                                     "north", "quiet",  "rapid", "salty", "sharp", "silver",
                                     "still", "swift",  "tidal", "vivid", "warm",  "wild"};
  constexpr std::array nouns = {"anchor",  "bay",    "beacon", "breeze", "buoy",   "coast",
                                "current", "delta",  "dock",   "harbor", "island", "jetty",
                                "keel",    "lagoon", "mast",   "pier",   "reef",   "rudder",
                                "sail",    "sound",  "spray",  "strait", "tide",   "wharf"};
  std::uint64_t random = 0;
  const std::string digits = random_hex(8);
  std::from_chars(digits.data(), digits.data() + digits.size(), random, 16);
  const std::size_t adjective = random % adjectives.size();
  random /= adjectives.size();
  const std::size_t noun = random % nouns.size();
  random /= nouns.size();
  return std::string(adjectives[adjective]) + "-" + nouns[noun] + "-" +
         std::to_string(1000 + random % 9000);
}

Outcome<platform::App> create_with_any_name(Call& call) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    BERTH_ASSIGN(const platform::AppName name, platform::AppName::parse(made_up_name()));
    auto app = call.store().create_app(name, call.actor());
    if (!app.has_error()) return std::move(*app);
    if (app.error().kind != ErrorKind::conflict) return app.error();
  }
  return Problem(503, "unavailable", "no free name was found; give one");
}

json::object shape_of(const platform::ConfigVars& vars) {
  json::object result;
  for (const auto& [name, value] : vars) result[name] = value;
  return result;
}

}  // namespace

Answer create_app(Call& call) {
  const auto* given = call.body.if_contains("name");
  Outcome<platform::App> app = Problem(500, "internal", "not created");
  if (!given || given->is_null()) {
    app = create_with_any_name(call);
  } else {
    BERTH_ASSIGN(const std::string text, require_string(call.body, "name"));
    BERTH_ASSIGN(const platform::AppName name, platform::AppName::parse(text));
    auto created = call.store().create_app(name, call.actor());
    if (created.has_error()) return created.error();
    app = std::move(*created);
  }
  if (app.has_error()) return app.error();
  call.control().reconcile(app->id);
  return json_response(call.render().app(*app), 201);
}

Answer list_apps(Call& call) {
  std::vector<ListItem> items;
  for (const platform::App& app : call.store().apps())
    items.push_back({{app.name, app.id.value, app.updated_at.time_since_epoch().count()},
                     [&call, app] { return call.render().app(app); }});
  return list_response(call.request, {"name", "id", "updated_at"}, std::move(items));
}

Answer get_app(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(call.render().app(app));
}

Answer update_app(Call& call) {
  BERTH_ASSIGN(platform::App app, call.app());
  // All is checked before anything is changed.
  std::optional<platform::AppName> name;
  if (call.body.contains("name")) {
    BERTH_ASSIGN(const std::string text, require_string(call.body, "name"));
    BERTH_ASSIGN(name, platform::AppName::parse(text));
  }
  const auto maintenance = optional_bool(call.body, "maintenance");
  if (call.body.contains("maintenance") && !maintenance)
    return invalid_params("maintenance must be true or false");
  if (name) {
    BERTH_ASSIGN(app, call.store().rename_app(app.id, *name, call.actor()));
  }
  if (maintenance) {
    BERTH_ASSIGN(app, call.store().set_maintenance(app.id, *maintenance, call.actor()));
  }
  if (name || maintenance) call.control().reconcile(app.id);
  if (name)  // they are named after it
    for (const platform::App& preview : call.store().previews(app.id))
      call.control().reconcile(preview.id);
  return json_response(call.render().app(app));
}

Answer delete_app(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const json::object shape = call.render().app(app);
  // They go with it.
  const std::vector<platform::App> previews = call.store().previews(app.id);
  BERTH_TRY(call.store().destroy_app(app.id, call.actor()));
  call.control().app_destroyed(app);
  for (const platform::App& preview : previews) call.control().app_destroyed(preview);
  return json_response(shape);
}

Answer get_config_vars(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(shape_of(call.store().config_vars(app.id)));
}

Answer update_config_vars(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::map<std::string, std::optional<std::string>> changes;
  for (const auto& [key, value] : call.body) {
    const std::string name(key);
    if (value.is_null())
      changes[name] = std::nullopt;
    else if (value.is_string())
      changes[name] = std::string(value.get_string());
    else
      return invalid_params("the value of " + name.substr(0, 100) +
                            " must be a string, or null to unset it");
  }
  BERTH_ASSIGN(const platform::ConfigVars vars,
               call.store().update_config_vars(app.id, changes, call.actor()));
  call.control().reconcile(app.id);
  return json_response(shape_of(vars));
}

}  // namespace berth::api
