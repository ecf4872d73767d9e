// SPDX-License-Identifier: Apache-2.0
//
// Builds and releases; of these, canaries get a share of the requests while they are pending.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/json.hpp"
#include "platform/process_type.hpp"
#include "platform/size.hpp"
#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr std::string_view build_columns =
    "SELECT id, app, commit_id, status, image, failure, user, created_at, updated_at FROM builds ";
constexpr std::string_view release_columns =
    "SELECT id, app, version, image, commit_id, processes, description, user, status, failure, "
    "build, created_at, updated_at, app_json, canary, promoted, stays FROM releases ";

using PostdeployName = std::pair<Store::Postdeploy, std::string_view>;
constexpr std::array<PostdeployName, 5> postdeploy_names = {
    {{Store::Postdeploy::none, ""},
     {Store::Postdeploy::due, "due"},
     {Store::Postdeploy::running, "running"},
     {Store::Postdeploy::succeeded, "succeeded"},
     {Store::Postdeploy::failed, "failed"}}};

template <class Status>
Status status_of(std::string_view text) {
  if (text == "succeeded") return Status::succeeded;
  if (text == "failed") return Status::failed;
  return Status::pending;
}

std::string_view text_of(ReleaseStatus status) {
  switch (status) {
    case ReleaseStatus::pending: return "pending";
    case ReleaseStatus::succeeded: return "succeeded";
    case ReleaseStatus::failed: return "failed";
  }
  return "pending";
}

Build read_build(const Statement& row) {
  return {.id = BuildId(row.text(0)),
          .app = AppId(row.text(1)),
          .commit = row.text(2),
          .status = status_of<BuildStatus>(row.text(3)),
          .image = row.text(4),
          .failure = row.text(5),
          .user = row.text(6),
          .created_at = time_of(row, 7),
          .updated_at = time_of(row, 8)};
}

std::string map_to_json(const std::map<std::string, std::string>& map) {
  json::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return to_text(object);
}

std::map<std::string, std::string> map_from_json(std::string_view text) {
  std::map<std::string, std::string> map;
  const auto object = parse_json_object(text);
  BERTH_ASSERT(object.has_value());  // only map_to_json writes these columns
  for (const auto& [key, value] : *object) map[key] = std::string(value.as_string());
  return map;
}

/// Written by us: what cannot be read is of a later version, whose checks we do not know.
AppJson app_json_from(const std::string& text) {
  std::vector<std::string> ignored;
  if (text.empty()) return {};
  auto parsed = parse_app_json(text, ignored, {.check_zones = false});
  return parsed.has_error() ? AppJson{} : std::move(*parsed);
}

Release read_release(const Statement& row) {
  Release release{.id = ReleaseId(row.text(0)),
                  .app = AppId(row.text(1)),
                  .version = static_cast<int>(row.integer(2)),
                  .image = row.text(3),
                  .commit = row.text(4),
                  .processes = map_from_json(row.text(5)),
                  .app_json = app_json_from(row.text(13)),
                  .description = row.text(6),
                  .user = row.text(7),
                  .status = status_of<ReleaseStatus>(row.text(8)),
                  .failure = row.text(9),
                  .build = std::nullopt,
                  .created_at = time_of(row, 11),
                  .updated_at = time_of(row, 12),
                  .canary = static_cast<int>(row.integer(14)),
                  .promoted = row.boolean(15),
                  .stays = row.boolean(16)};
  if (!row.is_null(10)) release.build = BuildId(row.text(10));
  return release;
}

std::string name_of(const Release& release) { return "v" + std::to_string(release.version); }

Result<void> check_has_image(const Release& release) {
  if (!release.image.empty()) return {};
  return Error{ErrorKind::invalid,
               name_of(release) + " has no image: it was made before the first deploy"};
}

/// A release of the old one's content.
NewRelease again(const Release& old, std::string description, int canary) {
  return {.image = old.image,
          .commit = old.commit,
          .processes = old.processes,
          .app_json = old.app_json,
          .description = std::move(description),
          .build = old.build,
          .canary = canary};
}

/// "v12", "12" → 12; anything else → nothing.
std::optional<int> version_number(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// One web, none of the others, as Heroku does; unless app.json says more.
Formation first_formation(const AppId& app, bool preview, const std::string& type,
                          const AppJson& said, Time at) {
  Formation entry{.app = app,
                  .type = type,
                  .quantity = type == "web" ? 1 : 0,
                  .size = std::string(standard_size),
                  .autoscale = std::nullopt,
                  .updated_at = at};
  const auto found = said.formation.find(type);
  if (preview)
    return preview_formation(app, type, found == said.formation.end() ? FirstFormation{}
                                                                      : found->second, at);
  if (found == said.formation.end() || type == release_process) return entry;
  if (found->second.quantity >= 0) entry.quantity = found->second.quantity;
  if (!found->second.size.empty()) entry.size = found->second.size;
  return entry;
}

/// An image that was made elsewhere comes from no commit.
std::string built_name(std::string_view commit) {
  return commit.empty() ? "an image" : std::string(commit.substr(0, 7));
}

}  // namespace

Result<Build> Store::create_build(const AppId& app, std::string_view commit, const Actor& actor) {
  BERTH_TRY(find_app(app.value));
  Change change(*this);
  const std::string id = random_uuid();
  const Time at = now();
  database_
      .prepare(
          "INSERT INTO builds (id, app, commit_id, status, user, created_at, updated_at) "
          "VALUES (?,?,?,'pending',?,?,?)")
      .bind(id)
      .bind(app.value)
      .bind(commit)
      .bind(actor.user)
      .bind(column(at))
      .bind(column(at))
      .run();
  change.event(app, actor.user, "build.create",
               "build of " + built_name(commit) + " started");
  change.commit();
  return find_build(app, id);
}

Result<Build> Store::settle_build(const BuildId& build, std::string_view status,
                                  std::string_view image, std::string_view failure) {
  Statement row = database_.prepare(std::string(build_columns) + "WHERE id = ?");
  row.bind(build.value);
  if (!row.step()) return Error{ErrorKind::not_found, "the build is gone: its app was destroyed"};
  const Build before = read_build(row);
  Change change(*this);
  database_
      .prepare("UPDATE builds SET status = ?, image = ?, failure = ?, updated_at = ? WHERE id = ?")
      .bind(status)
      .bind(image)
      .bind(failure)
      .bind(column(now()))
      .bind(build.value)
      .run();
  change.event(before.app, before.user, "build." + std::string(status),
               "build of " + built_name(before.commit) + " " + std::string(status) +
                   (failure.empty() ? "" : ": " + std::string(failure)));
  change.commit();
  return find_build(before.app, build.value);
}

Result<Build> Store::finish_build(const BuildId& build, std::string_view image) {
  return settle_build(build, "succeeded", image, "");
}

Result<Build> Store::fail_build(const BuildId& build, std::string_view failure) {
  return settle_build(build, "failed", "", failure);
}

std::vector<Build> Store::builds(const AppId& app, int most) {
  std::vector<Build> result;
  Statement rows = database_.prepare(std::string(build_columns) +
                                     "WHERE app = ? ORDER BY created_at DESC, rowid DESC LIMIT ?");
  rows.bind(app.value).bind(most);
  while (rows.step()) result.push_back(read_build(rows));
  return result;
}

Result<Build> Store::find_build(const AppId& app, std::string_view id) {
  Statement row = database_.prepare(std::string(build_columns) + "WHERE app = ? AND id = ?");
  row.bind(app.value).bind(id);
  if (row.step()) return read_build(row);
  return Error{ErrorKind::not_found, "no build has the id '" + std::string(id.substr(0, 60)) +
                                         "'. `berth builds` lists the builds"};
}

void Store::fail_pending_builds(std::string_view failure, const std::set<BuildId>& running) {
  std::vector<BuildId> pending;
  {
    Statement rows = database_.prepare("SELECT id FROM builds WHERE status = 'pending'");
    while (rows.step()) pending.emplace_back(rows.text(0));
  }
  for (const BuildId& build : pending)
    if (!running.contains(build)) (void)fail_build(build, failure);
}

ReleaseId Store::insert_release(Change& change, const AppId& app, const NewRelease& release,
                                const ConfigVars& vars, const Actor& actor) {
  const std::string id = random_uuid();
  const Time at = now();
  Statement last =
      database_.prepare("SELECT COALESCE(MAX(version), 0) FROM releases WHERE app = ?");
  last.bind(app.value);
  last.step();
  const std::int64_t version = last.integer(0) + 1;
  const std::string name = "v" + std::to_string(version);
  // A pending release that never got to serve gives way: only one rollout at a time.
  database_.prepare("UPDATE releases SET status = 'failed', failure = ?, updated_at = ? "
                    "WHERE app = ? AND status = 'pending'")
      .bind("superseded by " + name).bind(column(at)).bind(app.value).run();
  // Without an image there is nothing to wait for.
  const std::string_view status = release.image.empty() ? "succeeded" : "pending";
  const auto owner = find_app(app.value);
  int canary = release.canary.value_or(owner.has_value() ? owner->rollout.canary : 0);
  if (release.image.empty() || !why_no_canary(app, release.processes).empty()) canary = 0;
  database_.prepare("INSERT INTO releases (id, app, version, image, commit_id, processes, "
                    "sealed_config, description, user, status, build, created_at, updated_at, "
                    "app_json, canary) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(id).bind(app.value).bind(version).bind(release.image).bind(release.commit)
      .bind(map_to_json(release.processes)).bind_blob(secrets_.seal(map_to_json(vars)))
      .bind(release.description).bind(actor.user).bind(status)
      .bind(release.build ? std::optional(release.build->value) : std::nullopt)
      .bind(column(at)).bind(column(at)).bind(app_json_text(release.app_json)).bind(canary).run();
  const std::vector<Formation> known = formation(app);
  const bool preview = owner.has_value() && owner->preview.has_value();
  for (const auto& [type, command] : release.processes)
    if (std::ranges::find(known, type, &Formation::type) == known.end())
      write_formation(first_formation(app, preview, type, release.app_json, at));
  change.event(app, actor.user, "release.create", name + ": " + release.description);
  return ReleaseId(id);
}

Result<Release> Store::create_release(const AppId& app, const NewRelease& release,
                                      const Actor& actor) {
  BERTH_TRY(find_app(app.value));
  const ConfigVars vars = config_vars(app);
  Change change(*this);
  const ReleaseId id = insert_release(change, app, release, vars, actor);
  change.commit();
  return find_release(app, id.value);
}

void Store::replace_config_vars(const AppId& app, const ConfigVars& vars) {
  database_.prepare("DELETE FROM config_vars WHERE app = ?").bind(app.value).run();
  for (const auto& [name, value] : vars)
    database_.prepare("INSERT INTO config_vars (app, name, sealed_value) VALUES (?,?,?)")
        .bind(app.value).bind(name).bind_blob(secrets_.seal(value)).run();
}

Result<Release> Store::rollback(const AppId& app, std::string_view version_or_id,
                                const Actor& actor) {
  BERTH_ASSIGN(const Release old, find_release(app, version_or_id));
  BERTH_TRY(check_has_image(old));
  if (old.status != ReleaseStatus::succeeded)
    return Error{ErrorKind::invalid,
                 name_of(old) + " never served (" + std::string(text_of(old.status)) +
                     "): roll back to one that succeeded; `berth releases` shows them"};
  BERTH_ASSIGN(const ConfigVars vars, release_config_vars(old.id));
  Change change(*this);
  replace_config_vars(app, vars);
  const ReleaseId id =
      insert_release(change, app, again(old, "Rollback to " + name_of(old), 0), vars, actor);
  change.commit();
  return find_release(app, id.value);
}

Result<Release> Store::roll_back_crashed(const Release& crashed, const Release& good,
                                         std::string_view why) {
  BERTH_ASSIGN(const ConfigVars vars, release_config_vars(good.id));
  Change change(*this);
  change.event(crashed.app, "berth", "release.rollback",
               name_of(crashed) + " is rolled back: " + std::string(why));
  replace_config_vars(crashed.app, vars);
  const ReleaseId id = insert_release(
      change, crashed.app,
      again(good, "Rollback to " + name_of(good) + ": " + name_of(crashed) + " crashed", 0), vars,
      {.user = "berth"});
  for (const ReleaseId& release : {crashed.id, id})
    database_.prepare("UPDATE releases SET stays = 1 WHERE id = ?").bind(release.value).run();
  change.commit();
  return find_release(crashed.app, id.value);
}

std::string Store::why_no_canary(const AppId& app,
                                 const std::map<std::string, std::string>& processes) {
  const auto serving = serving_release(app);
  if (!serving || serving->image.empty())
    return "nothing serves yet that could get the other requests";
  if (!processes.contains("web") || !serving->processes.contains("web"))
    return "only the process type 'web' gets requests, and there is none";
  const std::vector<Volume> all = volumes(app);
  const auto taken = std::ranges::find_if(all, [](const Volume& volume) {
    return !volume.shared &&
           std::ranges::find(volume.mounts, "web", &VolumeMount::type) != volume.mounts.end();
  });
  if (taken != all.end())
    return "the volume '" + taken->name + "' is for one container of web at a time";
  return {};
}

Result<Release> Store::find_canary(const AppId& app) {
  const auto target = target_release(app);
  if (target && target->is_canary()) return *target;
  return Error{ErrorKind::conflict,
               "no release is a canary. `berth releases:canary v12 --weight 5%` makes one"};
}

Result<Release> Store::create_canary(const AppId& app, std::string_view version_or_id, int percent,
                                     const Actor& actor) {
  BERTH_ASSIGN(const Release old, find_release(app, version_or_id));
  const std::string share = std::to_string(percent) + "% of the requests";
  if (old.is_canary()) {
    Change change(*this);
    database_.prepare("UPDATE releases SET canary = ?, updated_at = ? WHERE id = ?")
        .bind(percent).bind(column(now())).bind(old.id.value).run();
    change.event(app, actor.user, "release.canary",
                 name_of(old) + " gets " + share);
    change.commit();
    return find_release(app, old.id.value);
  }
  BERTH_TRY(check_has_image(old));
  const auto serving = serving_release(app);
  if (serving && serving->id == old.id)
    return Error{ErrorKind::conflict,
                 name_of(old) + " serves: it gets all requests already"};
  if (const std::string why = why_no_canary(app, old.processes); !why.empty())
    return Error{ErrorKind::conflict, "there can be no canary: " + why};
  BERTH_ASSIGN(const ConfigVars vars, release_config_vars(old.id));
  Change change(*this);
  const std::string description = "Canary of v" + std::to_string(old.version);
  const ReleaseId id =
      insert_release(change, app, again(old, description, percent), vars, actor);
  change.event(app, actor.user, "release.canary", description + " gets " + share);
  change.commit();
  return find_release(app, id.value);
}

Result<Release> Store::promote_canary(const AppId& app, const Actor& actor,
                                      std::string_view why) {
  BERTH_ASSIGN(const Release canary, find_canary(app));
  BERTH_ASSIGN(const ConfigVars vars, release_config_vars(canary.id));
  Change change(*this);
  database_.prepare("UPDATE releases SET promoted = 1, updated_at = ? WHERE id = ?")
      .bind(column(now())).bind(canary.id.value).run();
  replace_config_vars(app, vars);
  change.event(app, actor.user, "release.promote",
               name_of(canary) + " is promoted" +
                   (why.empty() ? "" : ": " + std::string(why)));
  change.commit();
  return find_release(app, canary.id.value);
}

Result<Release> Store::abort_canary(const AppId& app, const Actor& actor, std::string_view why) {
  BERTH_ASSIGN(const Release canary, find_canary(app));
  settle_release(canary.id, ReleaseStatus::failed,
                 why.empty() ? "aborted by " + actor.user : std::string(why));
  return find_release(app, canary.id.value);
}

void Store::settle_release(const ReleaseId& release, ReleaseStatus status,
                           std::string_view failure) {
  Statement row = database_.prepare(std::string(release_columns) + "WHERE id = ?");
  row.bind(release.value);
  if (!row.step()) return;
  const Release before = read_release(row);
  if (before.status == status) return;
  Change change(*this);
  const Time at = now();
  database_.prepare("UPDATE releases SET status = ?, failure = ?, updated_at = ? WHERE id = ?")
      .bind(text_of(status)).bind(failure).bind(column(at)).bind(release.value).run();
  if (status == ReleaseStatus::succeeded)
    database_.prepare("UPDATE apps SET released_at = ? WHERE id = ?")
        .bind(column(at)).bind(before.app.value).run();
  if (status == ReleaseStatus::succeeded && !before.image.empty()) note_first_deploy(before);
  change.event(before.app, "berth", "release." + std::string(text_of(status)),
               "v" + std::to_string(before.version) + " " + std::string(text_of(status)) +
                   (failure.empty() ? "" : ": " + std::string(failure)));
  change.commit();
}

/// Called within a change.
void Store::note_first_deploy(const Release& release) {
  Statement earlier = database_.prepare(
      "SELECT 1 FROM releases WHERE app = ? AND id != ? AND image != '' AND status = 'succeeded'");
  earlier.bind(release.app.value).bind(release.id.value);
  if (earlier.step() || release.app_json.postdeploy.empty()) return;
  database_.prepare("UPDATE apps SET postdeploy = 'due' WHERE id = ? AND postdeploy = ''")
      .bind(release.app.value).run();
}

Store::Postdeploy Store::postdeploy(const AppId& app) {
  Statement row = database_.prepare("SELECT postdeploy FROM apps WHERE id = ?");
  row.bind(app.value);
  if (!row.step()) return Postdeploy::none;
  const std::string text = row.text(0);
  for (const auto& [state, name] : postdeploy_names)
    if (name == text) return state;
  return Postdeploy::none;
}

void Store::set_postdeploy(const AppId& app, Postdeploy state, std::string_view message) {
  Change change(*this);
  const auto name = std::ranges::find(postdeploy_names, state, &PostdeployName::first)->second;
  database_.prepare("UPDATE apps SET postdeploy = ? WHERE id = ?")
      .bind(name).bind(app.value).run();
  change.event(app, "berth", "postdeploy." + std::string(name),
               "postdeploy script " + std::string(message));
  change.commit();
}

std::vector<Release> Store::releases(const AppId& app) {
  std::vector<Release> result;
  Statement rows =
      database_.prepare(std::string(release_columns) + "WHERE app = ? ORDER BY version DESC");
  rows.bind(app.value);
  while (rows.step()) result.push_back(read_release(rows));
  return result;
}

Result<Release> Store::find_release(const AppId& app, std::string_view version_or_id) {
  Statement row = database_.prepare(std::string(release_columns) +
                                    "WHERE app = ? AND (id = ? OR version = ?)");
  row.bind(app.value).bind(version_or_id).bind(version_number(version_or_id));
  if (row.step()) return read_release(row);
  return Error{ErrorKind::not_found, "no release is named '" +
                                         std::string(version_or_id.substr(0, 60)) +
                                         "'. `berth releases` lists the releases"};
}

std::optional<Release> Store::target_release(const AppId& app) {
  Statement row =
      database_.prepare(std::string(release_columns) +
                        "WHERE app = ? AND status != 'failed' ORDER BY version DESC LIMIT 1");
  row.bind(app.value);
  if (!row.step()) return std::nullopt;
  return read_release(row);
}

std::optional<Release> Store::serving_release(const AppId& app) {
  Statement row =
      database_.prepare(std::string(release_columns) +
                        "WHERE app = ? AND status = 'succeeded' ORDER BY version DESC LIMIT 1");
  row.bind(app.value);
  if (!row.step()) return std::nullopt;
  return read_release(row);
}

Result<ConfigVars> Store::release_config_vars(const ReleaseId& release) {
  Statement row = database_.prepare("SELECT sealed_config FROM releases WHERE id = ?");
  row.bind(release.value);
  if (!row.step()) return Error{ErrorKind::not_found, "the release is gone"};
  BERTH_ASSIGN(const std::string plain, secrets_.unseal(row.text(0)));
  return map_from_json(plain);
}

std::vector<std::string> Store::images_in_use() {
  std::vector<std::string> result;
  Statement rows = database_.prepare("SELECT DISTINCT image FROM releases WHERE image != ''");
  while (rows.step()) result.push_back(rows.text(0));
  return result;
}

}  // namespace berth::platform
