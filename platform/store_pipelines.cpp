// SPDX-License-Identifier: Apache-2.0
//
// Pipelines of the store: which apps are in which stage, and what was promoted.
#include <algorithm>

#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

namespace {

constexpr std::string_view pipeline_columns =
    "SELECT id, name, user, created_at, updated_at FROM pipelines ";
constexpr std::string_view coupling_columns =
    "SELECT couplings.id, app, pipeline, stage, couplings.created_at, couplings.updated_at "
    "FROM couplings JOIN apps ON apps.id = app ";

Pipeline read_pipeline(const Statement& row) {
  return {.id = PipelineId(row.text(0)),
          .name = row.text(1),
          .user = row.text(2),
          .created_at = time_of(row, 3),
          .updated_at = time_of(row, 4)};
}

Coupling read_coupling(const Statement& row) {
  return {.id = CouplingId(row.text(0)),
          .app = AppId(row.text(1)),
          .pipeline = PipelineId(row.text(2)),
          .stage = static_cast<Stage>(row.integer(3)),
          .created_at = time_of(row, 4),
          .updated_at = time_of(row, 5)};
}

Error no_pipeline(std::string_view name) {
  return {ErrorKind::not_found, "no pipeline is named '" + std::string(name.substr(0, 60)) +
                                    "'. `berth pipelines` lists them"};
}

}  // namespace

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::development: return "development";
    case Stage::staging: return "staging";
    case Stage::production: return "production";
  }
  return "development";
}

Result<Pipeline> Store::create_pipeline(const std::string& name, const Actor& actor) {
  if (find_pipeline(name).has_value())
    return Error{ErrorKind::conflict,
                 "the pipeline name '" + name + "' is taken. Choose another name"};
  Change change(*this);
  const std::string id = random_uuid();
  const Time at = now();
  database_.prepare("INSERT INTO pipelines (id, name, user, created_at, updated_at) "
                    "VALUES (?,?,?,?,?)")
      .bind(id).bind(name).bind(actor.user).bind(column(at)).bind(column(at)).run();
  change.event(std::nullopt, actor.user, "pipeline.create", "created pipeline " + name);
  change.commit();
  return find_pipeline(id);
}

std::vector<Pipeline> Store::pipelines() {
  std::vector<Pipeline> result;
  Statement rows = database_.prepare(std::string(pipeline_columns) + "ORDER BY name");
  while (rows.step()) result.push_back(read_pipeline(rows));
  return result;
}

Result<Pipeline> Store::find_pipeline(std::string_view id_or_name) {
  Statement row = database_.prepare(std::string(pipeline_columns) + "WHERE id = ?1 OR name = ?1");
  row.bind(id_or_name);
  if (row.step()) return read_pipeline(row);
  return no_pipeline(id_or_name);
}

Result<Pipeline> Store::rename_pipeline(const PipelineId& pipeline, const std::string& name,
                                        const Actor& actor) {
  BERTH_ASSIGN(const Pipeline before, find_pipeline(pipeline.value));
  if (before.name == name) return before;
  if (find_pipeline(name).has_value())
    return Error{ErrorKind::conflict,
                 "the pipeline name '" + name + "' is taken. Choose another name"};
  Change change(*this);
  database_.prepare("UPDATE pipelines SET name = ?, updated_at = ? WHERE id = ?")
      .bind(name).bind(column(now())).bind(pipeline.value).run();
  change.event(std::nullopt, actor.user, "pipeline.update",
               "renamed pipeline " + before.name + " to " + name);
  change.commit();
  return find_pipeline(pipeline.value);
}

Result<void> Store::destroy_pipeline(const PipelineId& pipeline, const Actor& actor) {
  BERTH_ASSIGN(const Pipeline before, find_pipeline(pipeline.value));
  Change change(*this);
  database_.prepare("DELETE FROM pipelines WHERE id = ?").bind(pipeline.value).run();
  change.event(std::nullopt, actor.user, "pipeline.destroy", "destroyed pipeline " + before.name);
  change.commit();
  return {};
}

Result<Coupling> Store::couple(const PipelineId& pipeline, const AppId& app, Stage stage,
                               const Actor& actor) {
  BERTH_ASSIGN(const Pipeline into, find_pipeline(pipeline.value));
  BERTH_ASSIGN(const App found, find_app(app.value));
  if (found.preview)
    return Error{ErrorKind::conflict, found.name + " is a preview: it is in no stage, and goes "
                                                   "with its app"};
  if (const auto other = coupling_of(app))
    return Error{ErrorKind::conflict,
                 found.name + " is in a pipeline already (" +
                     find_pipeline(other->pipeline.value)->name + ", " +
                     std::string(name_of(other->stage)) +
                     "). Take it out first: berth pipelines:remove -a " + found.name};
  Change change(*this);
  const std::string id = random_uuid();
  const Time at = now();
  database_.prepare("INSERT INTO couplings (id, app, pipeline, stage, created_at, updated_at) "
                    "VALUES (?,?,?,?,?,?)")
      .bind(id).bind(app.value).bind(pipeline.value).bind(static_cast<int>(stage))
      .bind(column(at)).bind(column(at)).run();
  change.event(app, actor.user, "pipeline.couple",
               "added to pipeline " + into.name + " as " + std::string(name_of(stage)));
  change.commit();
  return find_coupling(id);
}

Result<Coupling> Store::set_stage(const CouplingId& coupling, Stage stage, const Actor& actor) {
  BERTH_ASSIGN(const Coupling before, find_coupling(coupling.value));
  if (before.stage == stage) return before;
  Change change(*this);
  database_.prepare("UPDATE couplings SET stage = ?, updated_at = ? WHERE id = ?")
      .bind(static_cast<int>(stage)).bind(column(now())).bind(coupling.value).run();
  change.event(before.app, actor.user, "pipeline.couple",
               "its stage is " + std::string(name_of(stage)));
  change.commit();
  return find_coupling(coupling.value);
}

Result<void> Store::decouple(const CouplingId& coupling, const Actor& actor) {
  BERTH_ASSIGN(const Coupling before, find_coupling(coupling.value));
  BERTH_ASSIGN(const Pipeline from, find_pipeline(before.pipeline.value));
  Change change(*this);
  database_.prepare("DELETE FROM couplings WHERE id = ?").bind(coupling.value).run();
  change.event(before.app, actor.user, "pipeline.decouple", "removed from pipeline " + from.name);
  change.commit();
  return {};
}

std::vector<Coupling> Store::couplings() {
  std::vector<Coupling> result;
  Statement rows =
      database_.prepare(std::string(coupling_columns) + "ORDER BY pipeline, stage, apps.name");
  while (rows.step()) result.push_back(read_coupling(rows));
  return result;
}

Result<Coupling> Store::find_coupling(std::string_view id) {
  Statement row = database_.prepare(std::string(coupling_columns) + "WHERE couplings.id = ?");
  row.bind(id);
  if (row.step()) return read_coupling(row);
  return Error{ErrorKind::not_found, "no app is in a pipeline under this id"};
}

std::optional<Coupling> Store::coupling_of(const AppId& app) {
  Statement row = database_.prepare(std::string(coupling_columns) + "WHERE app = ?");
  row.bind(app.value);
  if (!row.step()) return std::nullopt;
  return read_coupling(row);
}

Result<Promotion> Store::promote(const PipelineId& pipeline, const AppId& source,
                                 std::string_view wanted, const std::vector<AppId>& targets,
                                 const Actor& actor) {
  BERTH_ASSIGN(const Pipeline through, find_pipeline(pipeline.value));
  BERTH_ASSIGN(const App from, find_app(source.value));
  const auto is_in = [&](const AppId& app) {
    const auto coupling = coupling_of(app);
    return coupling && coupling->pipeline == pipeline;
  };
  if (!is_in(source))
    return Error{ErrorKind::invalid, from.name + " is not in the pipeline " + through.name +
                                         ". `berth pipelines:info " + through.name +
                                         "` shows what is"};
  if (targets.empty())
    return Error{ErrorKind::invalid, "there is nothing to promote to: name at least one app"};
  std::optional<Release> release = serving_release(source);
  if (!wanted.empty()) {
    BERTH_ASSIGN(release, find_release(source, wanted));
  }
  if (!release || release->image.empty() || release->status != ReleaseStatus::succeeded)
    return Error{ErrorKind::invalid, from.name + " has no release that serves, so there is nothing "
                                                 "to promote. Deploy it first"};
  const NewRelease promoted{
      .image = release->image,
      .commit = release->commit,
      .processes = release->processes,
      .app_json = release->app_json,
      .description = "Promote " + from.name + " v" + std::to_string(release->version) +
                     (release->commit.empty() ? "" : " " + release->commit.substr(0, 7)),
      .build = std::nullopt};
  const PromotionId id(random_uuid());
  Change change(*this);
  database_.prepare("INSERT INTO promotions (id, pipeline, source, release, user, created_at) "
                    "VALUES (?,?,?,?,?,?)")
      .bind(id.value).bind(pipeline.value).bind(source.value).bind(release->id.value)
      .bind(actor.user).bind(column(now())).run();
  change.event(source, actor.user, "pipeline.promote",
               "promoted v" + std::to_string(release->version));
  int ordinal = 0;
  for (const AppId& target : targets) {
    std::optional<std::string> made;
    std::string failure;
    if (target == source)
      failure = "it is what is promoted";
    else if (!is_in(target))
      failure = "it is not in the pipeline " + through.name;
    else
      made = insert_release(change, target, promoted, config_vars(target), actor).value;
    database_.prepare("INSERT INTO promotion_targets (id, promotion, ordinal, app, release, "
                      "failure) VALUES (?,?,?,?,?,?)")
        .bind(random_uuid()).bind(id.value).bind(++ordinal).bind(target.value).bind(made)
        .bind(failure).run();
  }
  change.commit();
  return find_promotion(id.value);
}

Result<Promotion> Store::find_promotion(std::string_view id) {
  Statement row = database_.prepare(
      "SELECT id, pipeline, source, release, user, created_at FROM promotions WHERE id = ?");
  row.bind(id);
  if (!row.step()) return Error{ErrorKind::not_found, "there is no promotion of this id"};
  return Promotion{.id = PromotionId(row.text(0)),
                   .pipeline = PipelineId(row.text(1)),
                   .source = AppId(row.text(2)),
                   .release = ReleaseId(row.text(3)),
                   .user = row.text(4),
                   .created_at = time_of(row, 5)};
}

std::vector<PromotionTarget> Store::promotion_targets(const PromotionId& promotion) {
  std::vector<PromotionTarget> result;
  Statement rows = database_.prepare(
      "SELECT id, app, release, failure FROM promotion_targets WHERE promotion = ? "
      "ORDER BY ordinal");
  rows.bind(promotion.value);
  while (rows.step())
    result.push_back({.id = rows.text(0),
                      .promotion = promotion,
                      .app = AppId(rows.text(1)),
                      .release = rows.is_null(2) ? std::nullopt
                                                 : std::optional(ReleaseId(rows.text(2))),
                      .failure = rows.text(3)});
  return result;
}

}  // namespace berth::platform
