// SPDX-License-Identifier: Apache-2.0
#include "platform/store.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "platform/process_type.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

/// Script i leads from schema version i to i+1. A script that was ever released is never changed.
constexpr std::array<std::string_view, 15> migrations = {R"sql(
CREATE TABLE apps (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  maintenance INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  released_at INTEGER
);
CREATE TABLE config_vars (
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  sealed_value BLOB NOT NULL,
  PRIMARY KEY (app, name)
);
CREATE TABLE builds (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  commit_id TEXT NOT NULL,
  status TEXT NOT NULL,
  image TEXT NOT NULL DEFAULT '',
  failure TEXT NOT NULL DEFAULT '',
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX builds_by_app ON builds (app, created_at);
CREATE TABLE releases (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  image TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  processes TEXT NOT NULL,
  sealed_config BLOB NOT NULL,
  description TEXT NOT NULL,
  user TEXT NOT NULL,
  status TEXT NOT NULL,
  failure TEXT NOT NULL DEFAULT '',
  build TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (app, version)
);
CREATE TABLE formation (
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  size TEXT NOT NULL,
  autoscale_min INTEGER,
  autoscale_max INTEGER,
  autoscale_rps REAL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (app, type)
);
CREATE TABLE domains (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  hostname TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  secret_sha256 TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
);
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  app TEXT,
  user TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
);
CREATE INDEX events_by_app ON events (app, sequence);
)sql",
                                                        R"sql(
CREATE TABLE buildpacks (
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (app, ordinal)
);
)sql",
                                                        R"sql(
CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  chain TEXT NOT NULL,
  sealed_key BLOB NOT NULL,
  names TEXT NOT NULL,
  subject TEXT NOT NULL,
  issuer TEXT NOT NULL,
  self_signed INTEGER NOT NULL,
  starts_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX certificates_by_app ON certificates (app);
ALTER TABLE domains ADD COLUMN certificate TEXT REFERENCES certificates(id) ON DELETE SET NULL;
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN https_redirect INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN hsts_max_age INTEGER;
ALTER TABLE apps ADD COLUMN hsts_subdomains INTEGER NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN hsts_preload INTEGER NOT NULL DEFAULT 0;
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN automatic_certificates INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certificates ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0;
CREATE TABLE certificate_failures (
  domain TEXT PRIMARY KEY REFERENCES domains(id) ON DELETE CASCADE,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
)sql",
                                                        R"sql(
ALTER TABLE releases ADD COLUMN app_json TEXT NOT NULL DEFAULT '';
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN postdeploy TEXT NOT NULL DEFAULT '';
)sql",
                                                        R"sql(
CREATE TABLE cron_jobs (
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  job TEXT NOT NULL,
  schedule TEXT NOT NULL,
  suspended INTEGER,
  decided_until INTEGER NOT NULL,
  PRIMARY KEY (app, job)
);
CREATE TABLE cron_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  job TEXT NOT NULL,
  status TEXT NOT NULL,
  scheduled_at INTEGER,
  user TEXT NOT NULL,
  replica TEXT NOT NULL,
  process TEXT NOT NULL,
  reason TEXT NOT NULL,
  exit_code INTEGER,
  started_at INTEGER NOT NULL,
  ends_by INTEGER NOT NULL,
  ended_at INTEGER
);
CREATE INDEX cron_runs_by_app ON cron_runs (app, job, id);
CREATE INDEX cron_runs_by_status ON cron_runs (status);
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN egress TEXT NOT NULL DEFAULT 'all';
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN routing TEXT NOT NULL DEFAULT '';
CREATE TABLE pages (
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  html TEXT NOT NULL,
  PRIMARY KEY (app, name)
);
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN preview_of TEXT REFERENCES apps(id) ON DELETE CASCADE;
ALTER TABLE apps ADD COLUMN preview_name TEXT NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN preview_expires_at INTEGER;
CREATE INDEX apps_by_parent ON apps (preview_of);
)sql",
                                                        R"sql(
CREATE TABLE pipelines (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE TABLE couplings (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL UNIQUE REFERENCES apps(id) ON DELETE CASCADE,
  pipeline TEXT NOT NULL REFERENCES pipelines(id) ON DELETE CASCADE,
  stage INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE TABLE promotions (
  id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL REFERENCES pipelines(id) ON DELETE CASCADE,
  source TEXT NOT NULL,
  release TEXT NOT NULL,
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE promotion_targets (
  id TEXT PRIMARY KEY,
  promotion TEXT NOT NULL REFERENCES promotions(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  app TEXT NOT NULL,
  release TEXT,
  failure TEXT NOT NULL
);
CREATE INDEX promotion_targets_by_promotion ON promotion_targets (promotion, ordinal);
)sql",
                                                        R"sql(
CREATE TABLE volumes (
  id TEXT PRIMARY KEY,
  app TEXT NOT NULL REFERENCES apps(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  size INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  mounts TEXT NOT NULL,
  last_snapshot INTEGER NOT NULL DEFAULT 0,
  restore_from INTEGER,
  restore_kept INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (app, name)
);
CREATE TABLE volume_snapshots (
  volume TEXT NOT NULL REFERENCES volumes(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  size INTEGER NOT NULL,
  description TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (volume, number)
);
CREATE TABLE unwanted_volume_files (
  app TEXT NOT NULL,
  volume TEXT NOT NULL,
  snapshot INTEGER NOT NULL,
  PRIMARY KEY (app, volume, snapshot)
);
)sql",
                                           R"sql(
ALTER TABLE apps ADD COLUMN placement TEXT NOT NULL DEFAULT '';
)sql",
                                                        R"sql(
ALTER TABLE apps ADD COLUMN rollout TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN canary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN promoted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN stays INTEGER NOT NULL DEFAULT 0;
)sql"};

constexpr std::string_view app_columns =
    "SELECT id, name, number, maintenance, created_at, updated_at, released_at, https_redirect, "
    "hsts_max_age, hsts_subdomains, hsts_preload, automatic_certificates, egress, routing, "
    "preview_of, preview_name, preview_expires_at, placement, rollout FROM apps ";

App read_app(const Statement& row) {
  auto egress = parse_egress(row.text(12));
  BERTH_ASSERT(egress.has_value());  // only set_egress writes this column
  auto routing = parse_routing(row.text(13));
  BERTH_ASSERT(routing.has_value());  // only write_routing writes this one
  auto placement = parse_placement(row.text(17));
  BERTH_ASSERT(placement.has_value());  // only set_placement writes this one
  const auto rollout = parse_rollout(row.text(18));
  BERTH_ASSERT(rollout.has_value());  // only set_rollout writes this one
  return {.id = AppId(row.text(0)),
          .name = row.text(1),
          .number = row.integer(2),
          .maintenance = row.boolean(3),
          .created_at = time_of(row, 4),
          .updated_at = time_of(row, 5),
          .released_at = optional_time_of(row, 6),
          .https = {.redirect = row.boolean(7),
                    .hsts = row.is_null(8) ? std::nullopt
                                           : std::optional(Hsts{.max_age_s = row.integer(8),
                                                                .subdomains = row.boolean(9),
                                                                .preload = row.boolean(10)})},
          .egress = std::move(*egress),
          .placement = std::move(*placement),
          .rollout = *rollout,
          .automatic_certificates = row.boolean(11),
          .routing = std::move(*routing),
          .preview = row.is_null(14)
                         ? std::nullopt
                         : std::optional(Preview{.parent = AppId(row.text(14)),
                                                 .name = row.text(15),
                                                 .expires_at = optional_time_of(row, 16)})};
}

}  // namespace

Result<Store> Store::open(const std::filesystem::path& path, SecretBox secrets) {
  BERTH_ASSIGN(Database database, Database::open(path));
  return prepare(std::move(database), std::move(secrets));
}

Result<Store> Store::open_in_memory(SecretBox secrets) {
  BERTH_ASSIGN(Database database, Database::open_in_memory());
  return prepare(std::move(database), std::move(secrets));
}

Result<Store> Store::prepare(Database database, SecretBox secrets) {
  BERTH_TRY(database.migrate(migrations));
  return Store(std::move(database), std::move(secrets));
}

Result<App> Store::create_app(const AppName& name, const Actor& actor) {
  if (!find_app(name.text()).has_error())
    return Error{ErrorKind::conflict,
                 "the app name '" + name.text() + "' is taken. Choose another name"};
  Change change(*this);
  const std::string id = random_uuid();
  const Time at = now();
  database_.prepare("INSERT INTO apps (id, name, created_at, updated_at) VALUES (?,?,?,?)")
      .bind(id).bind(name.text()).bind(column(at)).bind(column(at)).run();
  change.event(AppId(id), actor.user, "app.create", "created app " + name.text());
  change.commit();
  return find_app(id);
}

std::vector<App> Store::apps() {
  std::vector<App> result;
  Statement rows = database_.prepare(std::string(app_columns) + "ORDER BY name");
  while (rows.step()) result.push_back(read_app(rows));
  return result;
}

Result<App> Store::find_app(std::string_view id_or_name) {
  Statement row = database_.prepare(std::string(app_columns) + "WHERE id = ?1 OR name = ?1");
  row.bind(id_or_name);
  if (row.step()) return read_app(row);
  return Error{ErrorKind::not_found, "no app is named '" + std::string(id_or_name.substr(0, 60)) +
                                         "'. `berth apps` lists the apps"};
}

Result<App> Store::rename_app(const AppId& app, const AppName& name, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.name == name.text()) return before;
  if (before.preview)
    return Error{ErrorKind::conflict, before.name + " is a preview, and is named by its ref. Push "
                                                    "to refs/previews/ and another name instead"};
  if (!find_app(name.text()).has_error())
    return Error{ErrorKind::conflict,
                 "the app name '" + name.text() + "' is taken. Choose another name"};
  Change change(*this);
  const Time at = now();
  database_.prepare("UPDATE apps SET name = ?, updated_at = ? WHERE id = ?")
      .bind(name.text()).bind(column(at)).bind(app.value).run();
  database_.prepare("UPDATE apps SET name = preview_name || '--' || ?, updated_at = ? "
                    "WHERE preview_of = ?")
      .bind(name.text()).bind(column(at)).bind(app.value).run();
  change.event(app, actor.user, "app.update", "renamed " + before.name + " to " + name.text());
  change.commit();
  return find_app(app.value);
}

Result<void> Store::destroy_app(const AppId& app, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  Change change(*this);
  const std::vector<App> its_previews = previews(app);
  for (const App& preview : its_previews)
    change.event(preview.id, actor.user, "app.destroy", "destroyed preview " + preview.name);
  std::vector<AppId> going = {app};
  for (const App& preview : its_previews) going.push_back(preview.id);
  for (const AppId& each : going)
    for (const Volume& volume : volumes(each))
      change_unwanted({.app = each, .volume = volume.id}, /*unwanted=*/true);
  database_.prepare("DELETE FROM apps WHERE id = ?").bind(app.value).run();
  change.event(app, actor.user, "app.destroy", "destroyed app " + before.name);
  change.commit();
  return {};
}

ConfigVars Store::config_vars(const AppId& app) {
  ConfigVars result;
  Statement rows = database_.prepare("SELECT name, sealed_value FROM config_vars WHERE app = ?");
  rows.bind(app.value);
  while (rows.step()) {
    auto value = secrets_.unseal(rows.text(1));
    // The key file was replaced: nothing may start with config vars silently missing.
    if (value.has_error())
      throw std::runtime_error("config var " + rows.text(0) + ": " + value.error().message);
    result[rows.text(0)] = std::move(*value);
  }
  return result;
}

Result<ConfigVars> Store::update_config_vars(
    const AppId& app, const std::map<std::string, std::optional<std::string>>& changes,
    const Actor& actor) {
  for (const auto& [name, value] : changes)
    BERTH_TRY(check_config_var(name, value.value_or("")));
  ConfigVars vars = config_vars(app);
  std::string set;
  std::string unset;
  if (const auto target = target_release(app); target && target->is_canary())
    return Error{ErrorKind::conflict,
                 "v" + std::to_string(target->version) + " is a canary, and config vars are for "
                 "all replicas. End it first: `berth releases:promote` or `berth releases:abort`"};
  const auto list = [](std::string& names, const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
  };
  Change change(*this);
  for (const auto& [name, value] : changes) {
    const auto found = vars.find(name);
    if (value && (found == vars.end() || found->second != *value)) {
      list(set, name);
      vars[name] = *value;
      database_
          .prepare("INSERT OR REPLACE INTO config_vars (app, name, sealed_value) VALUES (?,?,?)")
          .bind(app.value)
          .bind(name)
          .bind_blob(secrets_.seal(*value))
          .run();
    } else if (!value && found != vars.end()) {
      list(unset, name);
      vars.erase(found);
      database_.prepare("DELETE FROM config_vars WHERE app = ? AND name = ?")
          .bind(app.value).bind(name).run();
    }
  }
  if (set.empty() && unset.empty()) return vars;
  const std::string description = (set.empty() ? "" : "Set " + set) +
                                  (set.empty() || unset.empty() ? "" : "; ") +
                                  (unset.empty() ? "" : "Unset " + unset);
  NewRelease release{
      .image = {}, .commit = {}, .processes = {}, .description = description, .build = {}};
  if (const auto last = target_release(app)) {
    release.image = last->image;
    release.commit = last->commit;
    release.processes = last->processes;
    release.app_json = last->app_json;
    release.build = last->build;
  }
  insert_release(change, app, release, vars, actor);
  change.event(app, actor.user, "config.update", description);
  change.commit();
  return vars;
}

std::vector<Formation> Store::formation(const AppId& app) {
  std::vector<Formation> result;
  Statement rows = database_.prepare(
      "SELECT type, quantity, size, autoscale_min, autoscale_max, autoscale_rps, updated_at "
      "FROM formation WHERE app = ? ORDER BY type != 'web', type");
  rows.bind(app.value);
  while (rows.step()) {
    Formation entry{.app = app,
                    .type = rows.text(0),
                    .quantity = static_cast<int>(rows.integer(1)),
                    .size = rows.text(2),
                    .autoscale = std::nullopt,
                    .updated_at = time_of(rows, 6)};
    if (!rows.is_null(3))
      entry.autoscale = AutoscalePolicy{.min = static_cast<int>(rows.integer(3)),
                                        .max = static_cast<int>(rows.integer(4)),
                                        .requests_per_second = rows.real(5)};
    result.push_back(std::move(entry));
  }
  return result;
}

namespace {

constexpr int max_quantity = 100;

Result<void> check_policy(const AutoscalePolicy& policy) {
  if (policy.min < 0 || policy.max < 1 || policy.max < policy.min || policy.max > max_quantity)
    return Error{ErrorKind::invalid, "autoscaling needs 0 ≤ min ≤ max, with max from 1 to " +
                                         std::to_string(max_quantity)};
  if (!(policy.requests_per_second > 0) || policy.requests_per_second > 1e6)
    return Error{ErrorKind::invalid,
                 "autoscaling needs a target above 0 requests per second for one replica"};
  return {};
}

std::string describe(const Formation& entry) {
  std::string text = entry.type + "=" + std::to_string(entry.quantity) + ":" + entry.size;
  if (entry.autoscale)
    text += " (autoscaled " + std::to_string(entry.autoscale->min) + " to " +
            std::to_string(entry.autoscale->max) + ")";
  return text;
}

/// The entry after the change, or why not.
Result<Formation> apply(Formation entry, const FormationChange& change) {
  if (change.autoscale) {
    if (*change.autoscale) BERTH_TRY(check_policy(**change.autoscale));
    entry.autoscale = *change.autoscale;
  }
  if (change.size) entry.size = *change.size;
  if (change.quantity) {
    if (*change.quantity < 0 || *change.quantity > max_quantity)
      return Error{ErrorKind::invalid, "the quantity of " + change.type + " must be from 0 to " +
                                           std::to_string(max_quantity)};
    // A quantity by hand says that hand, not the autoscaler, decides from now on.
    if (!change.autoscale) entry.autoscale.reset();
    entry.quantity = *change.quantity;
  }
  if (entry.autoscale)
    entry.quantity = std::clamp(entry.quantity, entry.autoscale->min, entry.autoscale->max);
  return entry;
}

}  // namespace

void Store::write_formation(const Formation& entry) {
  const auto& policy = entry.autoscale;
  database_.prepare("INSERT OR REPLACE INTO formation (app, type, quantity, size, autoscale_min, "
                    "autoscale_max, autoscale_rps, updated_at) VALUES (?,?,?,?,?,?,?,?)")
      .bind(entry.app.value).bind(entry.type).bind(entry.quantity).bind(entry.size)
      .bind(policy ? std::optional(policy->min) : std::nullopt)
      .bind(policy ? std::optional(policy->max) : std::nullopt)
      .bind(policy ? std::optional(policy->requests_per_second) : std::nullopt)
      .bind(column(now())).run();
}

Result<std::vector<Formation>> Store::update_formation(const AppId& app,
                                                       const std::vector<FormationChange>& changes,
                                                       const Actor& actor) {
  std::vector<Formation> entries = formation(app);
  Change change(*this);
  for (const FormationChange& wanted : changes) {
    const auto found = std::ranges::find(entries, wanted.type, &Formation::type);
    if (found == entries.end()) {
      std::string known;
      for (const Formation& entry : entries) known += (known.empty() ? "" : ", ") + entry.type;
      return Error{ErrorKind::not_found,
                   "the app has no process type '" + wanted.type + "'" +
                       (known.empty() ? ": nothing is deployed yet. Push first: git push berth main"
                                      : ". It has: " + known)};
    }
    if (wanted.type == release_process)
      return Error{ErrorKind::invalid,
                   "'release' is run once for each release, before its other processes start; it "
                   "cannot be scaled"};
    BERTH_ASSIGN(Formation after, apply(*found, wanted));
    BERTH_TRY(check_alone(after));
    if (after == *found) continue;
    write_formation(after);
    change.event(app, actor.user, "formation.update", "scaled to " + describe(after));
  }
  change.commit();
  return formation(app);
}

void Store::autoscale_quantity(const AppId& app, std::string_view type, int quantity,
                               std::string_view why) {
  for (Formation& entry : formation(app)) {
    if (entry.type != type || !entry.autoscale || entry.quantity == quantity) continue;
    Change change(*this);
    const int before = std::exchange(
        entry.quantity, std::clamp(quantity, entry.autoscale->min, entry.autoscale->max));
    write_formation(entry);
    change.event(app, "berth", "autoscale",
                 entry.type + " from " + std::to_string(before) + " to " +
                     std::to_string(entry.quantity) + ": " + std::string(why));
    change.commit();
  }
}

}  // namespace berth::platform
