// SPDX-License-Identifier: Apache-2.0
//
// How the router treats an app's requests: settings, who may come in by password, and pages.
#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr std::string_view page_names[] = {"error", "maintenance"};

std::string_view name_of(Page page) { return page_names[static_cast<int>(page)]; }

}  // namespace

Result<App> Store::write_routing(const App& before, RoutingSettings settings,
                                 std::string_view message, const Actor& actor) {
  if (settings.sticky && settings.sticky_key.empty()) settings.sticky_key = random_hex(16);
  if (settings == before.routing) return before;
  Change change(*this);
  database_.prepare("UPDATE apps SET routing = ?, updated_at = ? WHERE id = ?")
      .bind(routing_text(settings)).bind(column(now())).bind(before.id.value).run();
  change.event(before.id, actor.user, "routing.update", std::string(message));
  change.commit();
  return find_app(before.id.value);
}

Result<App> Store::set_routing(const AppId& app,
                               const std::map<std::string, std::optional<std::string>>& changes,
                               const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  RoutingSettings settings = before.routing;
  std::string message;
  for (const auto& [name, value] : changes) {
    BERTH_TRY(set_routing_setting(settings, name, value));
    const std::string text = routing_setting(settings, name);
    message += (message.empty() ? "" : ", ") + name + (text.empty() ? " unset" : "=" + text);
  }
  return write_routing(before, std::move(settings), "routing: " + message, actor);
}

Result<App> Store::put_routing_user(const AppId& app, std::string_view name,
                                    std::string_view password_hash, const Actor& actor) {
  constexpr std::size_t most_users = 1000;
  BERTH_TRY(check_routing_user(name));
  BERTH_ASSIGN(const App before, find_app(app.value));
  RoutingSettings settings = before.routing;
  const auto [at, added] = settings.users.insert_or_assign(std::string(name), password_hash);
  if (settings.users.size() > most_users)
    return Error{ErrorKind::invalid, "the app has 1000 users already, which is the most"};
  return write_routing(before, std::move(settings),
                       (added ? "added the user " : "changed the password of ") +
                           std::string(name),
                       actor);
}

Result<App> Store::remove_routing_user(const AppId& app, std::string_view name,
                                       const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  RoutingSettings settings = before.routing;
  if (settings.users.erase(std::string(name)) == 0)
    return Error{ErrorKind::not_found, "the app has no user '" + std::string(name.substr(0, 64)) +
                                           "'. `berth routing` lists them"};
  return write_routing(before, std::move(settings), "removed the user " + std::string(name), actor);
}

std::string Store::page(const AppId& app, Page page) {
  Statement row = database_.prepare("SELECT html FROM pages WHERE app = ? AND name = ?");
  row.bind(app.value).bind(name_of(page));
  return row.step() ? row.text(0) : std::string();
}

Result<void> Store::set_page(const AppId& app, Page page, std::string_view html,
                             const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (html.size() > max_page_bytes)
    return Error{ErrorKind::invalid, "the page has " + std::to_string(html.size()) +
                                         " bytes; 64 KiB are the most. Let it load what is large"};
  Change change(*this);
  database_.prepare("DELETE FROM pages WHERE app = ? AND name = ?")
      .bind(app.value).bind(name_of(page)).run();
  if (!html.empty())
    database_.prepare("INSERT INTO pages (app, name, html) VALUES (?,?,?)")
        .bind(app.value).bind(name_of(page)).bind(html).run();
  change.event(before.id, actor.user, "routing.update",
               (html.empty() ? "removed the page for " : "set the page for ") +
                   std::string(name_of(page)));
  change.commit();
  return {};
}

}  // namespace berth::platform
