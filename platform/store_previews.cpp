// SPDX-License-Identifier: Apache-2.0
//
// Previews of the store: an app made of another's settings.
#include <algorithm>

#include "platform/process_type.hpp"
#include "platform/size.hpp"
#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

/// Rows that a preview takes over from its parent: ?1 is the preview, ?2 the parent.
constexpr std::string_view taken_over[] = {
    "INSERT INTO config_vars (app, name, sealed_value) "
    "SELECT ?1, name, sealed_value FROM config_vars WHERE app = ?2",
    "INSERT INTO buildpacks (app, ordinal, source) "
    "SELECT ?1, ordinal, source FROM buildpacks WHERE app = ?2",
    "INSERT INTO pages (app, name, html) SELECT ?1, name, html FROM pages WHERE app = ?2",
};

}  // namespace

Result<App> Store::create_preview(const AppId& parent, const PreviewName& name,
                                  const NewPreview& wanted, const Actor& actor) {
  BERTH_ASSIGN(const App app, find_app(parent.value));
  if (app.preview)
    return Error{ErrorKind::conflict, app.name + " is a preview itself, and has none"};
  const std::vector<App> others = previews(parent);
  if (others.size() >= static_cast<std::size_t>(wanted.most))
    return Error{ErrorKind::limit,
                 app.name + " has " + std::to_string(others.size()) +
                     " previews, which is as many as it may have (previews.most). Remove one: "
                     "`berth previews -a " + app.name + "` shows them, `berth previews:destroy " +
                     others.front().preview->name + " -a " + app.name + "` removes one"};
  for (const auto& [key, value] : wanted.env) BERTH_TRY(check_config_var(key, value));
  Change change(*this);
  const AppId id(random_uuid());
  const Time at = now();
  database_
      .prepare("INSERT INTO apps (id, name, created_at, updated_at, https_redirect, hsts_max_age, "
               "hsts_subdomains, hsts_preload, egress, routing, placement, rollout, preview_of, "
               "preview_name, preview_expires_at) SELECT ?, ?, ?, ?, https_redirect, "
               "hsts_max_age, hsts_subdomains, hsts_preload, egress, routing, placement, "
               "rollout, id, ?, ? FROM apps WHERE id = ?")
      .bind(id.value).bind(name.of(app.name)).bind(column(at)).bind(column(at)).bind(name.text())
      .bind(wanted.expires_at ? std::optional(column(*wanted.expires_at)) : std::nullopt)
      .bind(parent.value).run();
  for (const std::string_view rows : taken_over)
    database_.prepare(std::string(rows)).bind(id.value).bind(parent.value).run();
  for (const auto& [key, value] : wanted.env)
    database_.prepare("INSERT OR REPLACE INTO config_vars (app, name, sealed_value) VALUES (?,?,?)")
        .bind(id.value).bind(key).bind_blob(secrets_.seal(value)).run();
  for (const Formation& of_parent : formation(parent)) {
    FirstFormation first{.quantity = -1, .size = of_parent.size};
    if (const auto said = wanted.formation.find(of_parent.type); said != wanted.formation.end()) {
      first.quantity = said->second.quantity;
      if (!said->second.size.empty()) first.size = said->second.size;
    }
    write_formation(preview_formation(id, of_parent.type, first, at));
  }
  change.event(id, actor.user, "app.create", "created preview " + name.of(app.name));
  change.commit();
  return find_app(id.value);
}

Formation preview_formation(const AppId& app, const std::string& type, const FirstFormation& said,
                            Time at) {
  Formation entry{.app = app,
                  .type = type,
                  .quantity = said.quantity >= 0 ? said.quantity : type == "web" ? 1 : 0,
                  .size = said.size.empty() ? std::string(standard_size) : said.size,
                  .autoscale = std::nullopt,
                  .updated_at = at};
  if (type == release_process) entry.quantity = 0;
  // It sleeps while nobody looks at it.
  if (type == "web" && entry.quantity > 0)
    entry.autoscale = AutoscalePolicy{.min = 0, .max = entry.quantity};
  return entry;
}

std::vector<App> Store::previews(const AppId& parent) {
  std::vector<App> result;
  for (App& app : apps())
    if (app.preview && app.preview->parent == parent) result.push_back(std::move(app));
  return result;
}

Result<App> Store::find_preview(const AppId& parent, std::string_view name) {
  for (App& app : previews(parent))
    if (app.preview->name == name) return std::move(app);
  return Error{ErrorKind::not_found, "the app has no preview '" + std::string(name.substr(0, 60)) +
                                         "'. `berth previews` lists them"};
}

Result<App> Store::set_preview_expiry(const AppId& preview, std::optional<Time> expires_at) {
  database_
      .prepare("UPDATE apps SET preview_expires_at = ? WHERE id = ? AND preview_of IS NOT NULL")
      .bind(expires_at ? std::optional(column(*expires_at)) : std::nullopt)
      .bind(preview.value).run();
  return find_app(preview.value);
}

}  // namespace berth::platform
