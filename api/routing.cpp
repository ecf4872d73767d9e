// SPDX-License-Identifier: Apache-2.0
//
// How the router treats an app's requests: settings, who may come in by password, pages of its own.
#include "api/handlers.hpp"
#include "base/password.hpp"
#include "platform/routing_settings.hpp"

namespace berth::api {

namespace {

constexpr std::size_t longest_password = 1024;

json::object shape_of(Call& call, const platform::App& app) {
  json::object shape;
  for (const std::string_view name : platform::routing_setting_names()) {
    const std::string text = platform::routing_setting(app.routing, name);
    shape[name] = text.empty() ? json::value(nullptr) : json::value(text);
  }
  json::array users;
  for (const auto& [name, hash] : app.routing.users) users.emplace_back(name);
  json::array pages;
  if (!call.store().page(app.id, platform::Page::error).empty()) pages.emplace_back("error");
  if (!call.store().page(app.id, platform::Page::maintenance).empty())
    pages.emplace_back("maintenance");
  shape["users"] = std::move(users);
  shape["pages"] = std::move(pages);
  return shape;
}

Answer changed(Call& call, const platform::App& app) {
  call.control().reconcile(app.id);
  return json_response(shape_of(call, app));
}

/// A string as people write it; numbers and booleans mean the same.
Outcome<std::optional<std::string>> text_of(std::string_view name, const json::value& value) {
  if (value.is_null()) return std::optional<std::string>();
  if (value.is_string()) return std::optional(std::string(value.get_string()));
  if (value.is_int64()) return std::optional(std::to_string(value.get_int64()));
  if (value.is_bool()) return std::optional<std::string>(value.get_bool() ? "on" : "off");
  return invalid_params(std::string(name) + " must be a string, or null for the default");
}

Outcome<platform::Page> page_of(const Call& call) {
  const std::string name = call.param("page");
  if (name == "error") return platform::Page::error;
  if (name == "maintenance") return platform::Page::maintenance;
  return not_found("there is no page '" + name.substr(0, 60) +
                       "'; there are: error, maintenance", "page");
}

}  // namespace

Answer get_routing(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(shape_of(call, app));
}

Answer update_routing(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::map<std::string, std::optional<std::string>> changes;
  for (const auto& [name, value] : call.body) {
    BERTH_ASSIGN(changes[name], text_of(name, value));
  }
  BERTH_ASSIGN(const platform::App after,
               call.store().set_routing(app.id, changes, call.actor()));
  return changed(call, after);
}

Answer put_routing_user(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const std::string password, require_string(call.body, "password"));
  if (password.empty() || password.size() > longest_password)
    return invalid_params("password must have 1 to 1024 bytes");
  const std::string name = call.param("user");
  BERTH_TRY(platform::check_routing_user(name));
  BERTH_ASSIGN(const platform::App after,
               call.store().put_routing_user(app.id, name, hash_password(password), call.actor()));
  return changed(call, after);
}

Answer delete_routing_user(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::App after,
               or_missing(call.store().remove_routing_user(app.id, call.param("user"),
                                                           call.actor()),
                          "user"));
  return changed(call, after);
}

Answer get_routing_page(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Page page, page_of(call));
  const std::string html = call.store().page(app.id, page);
  return json_response(json::object{{"html", html.empty() ? json::value(nullptr)
                                                          : json::value(html)}});
}

Answer put_routing_page(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Page page, page_of(call));
  BERTH_ASSIGN(const std::string html, require_string(call.body, "html"));
  if (html.empty()) return invalid_params("html must not be empty");
  BERTH_TRY(call.store().set_page(app.id, page, html, call.actor()));
  return changed(call, app);
}

Answer delete_routing_page(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Page page, page_of(call));
  BERTH_TRY(call.store().set_page(app.id, page, "", call.actor()));
  return changed(call, app);
}

}  // namespace berth::api
