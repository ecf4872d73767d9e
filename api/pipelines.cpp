// SPDX-License-Identifier: Apache-2.0
//
// Pipelines, the apps in their stages, and promotions from one to the next. What a promotion comes
// to is what the releases that it made come to.
#include <algorithm>
#include <functional>

#include "api/handlers.hpp"
#include "api/range.hpp"
#include "platform/names.hpp"

namespace berth::api {

namespace {

Outcome<platform::Pipeline> pipeline_of(const Call& call) {
  return or_missing(call.store().find_pipeline(call.param("pipeline")), "pipeline");
}

Outcome<platform::Coupling> coupling_of(const Call& call) {
  return or_missing(call.store().find_coupling(call.param("coupling")), "pipeline-coupling");
}

Outcome<platform::Stage> stage_of(const Call& call) {
  BERTH_ASSIGN(const std::string text, require_string(call.body, "stage"));
  for (const auto stage : {platform::Stage::development, platform::Stage::staging,
                           platform::Stage::production})
    if (name_of(stage) == text) return stage;
  if (text == "review")
    return invalid_params("previews are the review stage, and go with their app: push to "
                          "refs/previews/NAME. Other apps are in development, staging or "
                          "production");
  return invalid_params("stage must be development, staging or production");
}

/// The id below `{"app":{"id":…}}`.
Outcome<std::string> id_in(const json::object& object, std::string_view key) {
  const auto* part = optional_object(object, key);
  const auto id = part ? optional_string(*part, "id") : std::nullopt;
  if (!id) return invalid_params("give {\"" + std::string(key) + "\":{\"id\":…}}");
  return *id;
}

Outcome<platform::App> app_in(const Call& call, const json::object& object) {
  BERTH_ASSIGN(const std::string id, id_in(object, "app"));
  return or_missing(call.store().find_app(id), "app");
}

Answer couplings_where(Call& call, const std::function<bool(const platform::Coupling&)>& wanted) {
  json::array list;
  for (const platform::Coupling& coupling : call.store().couplings())
    if (wanted(coupling)) list.push_back(call.render().coupling(coupling));
  return json_response(list);
}

}  // namespace

Answer list_pipelines(Call& call) {
  const auto named = call.request.query.find("eq[name]");
  std::vector<ListItem> items;
  for (const platform::Pipeline& pipeline : call.store().pipelines()) {
    if (named != call.request.query.end() && pipeline.name != named->second) continue;
    items.push_back({{pipeline.name, pipeline.id.value},
                     [&call, pipeline] { return call.render().pipeline(pipeline); }});
  }
  return list_response(call.request, {"name", "id"}, std::move(items));
}

Answer create_pipeline(Call& call) {
  BERTH_ASSIGN(const std::string text, require_string(call.body, "name"));
  BERTH_ASSIGN(const std::string name, platform::parse_pipeline_name(text));
  BERTH_ASSIGN(const platform::Pipeline pipeline,
               call.store().create_pipeline(name, call.actor()));
  return json_response(call.render().pipeline(pipeline), 201);
}

Answer get_pipeline(Call& call) {
  BERTH_ASSIGN(const platform::Pipeline pipeline, pipeline_of(call));
  return json_response(call.render().pipeline(pipeline));
}

Answer update_pipeline(Call& call) {
  BERTH_ASSIGN(platform::Pipeline pipeline, pipeline_of(call));
  if (call.body.contains("name")) {
    BERTH_ASSIGN(const std::string text, require_string(call.body, "name"));
    BERTH_ASSIGN(const std::string name, platform::parse_pipeline_name(text));
    BERTH_ASSIGN(pipeline, call.store().rename_pipeline(pipeline.id, name, call.actor()));
  }
  return json_response(call.render().pipeline(pipeline));
}

Answer delete_pipeline(Call& call) {
  BERTH_ASSIGN(const platform::Pipeline pipeline, pipeline_of(call));
  BERTH_TRY(call.store().destroy_pipeline(pipeline.id, call.actor()));
  return json_response(call.render().pipeline(pipeline));
}

Answer list_couplings(Call& call) {
  return couplings_where(call, [](const platform::Coupling&) { return true; });
}

Answer list_couplings_of_pipeline(Call& call) {
  BERTH_ASSIGN(const platform::Pipeline pipeline, pipeline_of(call));
  return couplings_where(call, [&](const platform::Coupling& coupling) {
    return coupling.pipeline == pipeline.id;
  });
}

Answer get_coupling_of_app(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  const auto coupling = call.store().coupling_of(app.id);
  if (!coupling) return not_found(app.name + " is in no pipeline", "pipeline-coupling");
  return json_response(call.render().coupling(*coupling));
}

Answer get_coupling(Call& call) {
  BERTH_ASSIGN(const platform::Coupling coupling, coupling_of(call));
  return json_response(call.render().coupling(coupling));
}

Answer create_coupling(Call& call) {
  BERTH_ASSIGN(const std::string app_name, require_string(call.body, "app"));
  BERTH_ASSIGN(const std::string pipeline_name, require_string(call.body, "pipeline"));
  BERTH_ASSIGN(const platform::Stage stage, stage_of(call));
  BERTH_ASSIGN(const platform::App app, or_missing(call.store().find_app(app_name), "app"));
  BERTH_ASSIGN(const platform::Pipeline pipeline,
               or_missing(call.store().find_pipeline(pipeline_name), "pipeline"));
  BERTH_ASSIGN(const platform::Coupling coupling,
               call.store().couple(pipeline.id, app.id, stage, call.actor()));
  return json_response(call.render().coupling(coupling), 201);
}

Answer update_coupling(Call& call) {
  BERTH_ASSIGN(platform::Coupling coupling, coupling_of(call));
  BERTH_ASSIGN(const platform::Stage stage, stage_of(call));
  BERTH_ASSIGN(coupling, call.store().set_stage(coupling.id, stage, call.actor()));
  return json_response(call.render().coupling(coupling));
}

Answer delete_coupling(Call& call) {
  BERTH_ASSIGN(const platform::Coupling coupling, coupling_of(call));
  const json::object shape = call.render().coupling(coupling);
  BERTH_TRY(call.store().decouple(coupling.id, call.actor()));
  return json_response(shape);
}

/// Full apps by their ids; those that are not there are left out.
Answer filter_apps(Call& call) {
  const auto* in = optional_object(call.body, "in");
  const auto* ids = in ? optional_array(*in, "id") : nullptr;
  if (!ids) return invalid_params(R"(give {"in":{"id":["…"]}})");
  json::array list;
  for (const json::value& id : *ids) {
    if (!id.is_string()) return invalid_params("every id must be a string");
    const auto app = call.store().find_app(std::string_view(id.get_string()));
    if (app.has_value()) list.push_back(call.render().app(*app));
  }
  return json_response(list);
}

Answer create_promotion(Call& call) {
  BERTH_ASSIGN(const std::string pipeline_name, id_in(call.body, "pipeline"));
  BERTH_ASSIGN(const platform::Pipeline pipeline,
               or_missing(call.store().find_pipeline(pipeline_name), "pipeline"));
  const auto* from = optional_object(call.body, "source");
  if (!from) return invalid_params(R"(give {"source":{"app":{"id":…}}})");
  BERTH_ASSIGN(const platform::App source, app_in(call, *from));
  std::string wanted;
  if (from->contains("release")) {
    BERTH_ASSIGN(wanted, id_in(*from, "release"));
    BERTH_ASSIGN(const platform::Release release,
                 or_missing(call.store().find_release(source.id, wanted), "release"));
    if (!release.image.empty()) BERTH_TRY(call.control().check_kept(release));
  }
  std::vector<platform::AppId> targets;
  const auto* list = optional_array(call.body, "targets");
  for (const json::value& value : list ? *list : json::array{}) {
    if (!value.is_object()) return invalid_params(R"(targets must be [{"app":{"id":…}}])");
    BERTH_ASSIGN(const platform::App app, app_in(call, value.get_object()));
    if (std::ranges::find(targets, app.id) == targets.end()) targets.push_back(app.id);
  }
  BERTH_ASSIGN(const platform::Promotion promotion,
               call.store().promote(pipeline.id, source.id, wanted, targets, call.actor()));
  for (const auto& target : call.store().promotion_targets(promotion.id))
    if (target.release) call.control().reconcile(target.app);
  return json_response(call.render().promotion(promotion), 201);
}

Answer get_promotion(Call& call) {
  BERTH_ASSIGN(const platform::Promotion promotion,
               or_missing(call.store().find_promotion(call.param("promotion")),
                          "pipeline-promotion"));
  return json_response(call.render().promotion(promotion));
}

Answer list_promotion_targets(Call& call) {
  BERTH_ASSIGN(const platform::Promotion promotion,
               or_missing(call.store().find_promotion(call.param("promotion")),
                          "pipeline-promotion"));
  json::array targets;
  for (const auto& target : call.store().promotion_targets(promotion.id))
    targets.push_back(call.render().promotion_target(target));
  return json_response(targets);
}

}  // namespace berth::api
