// SPDX-License-Identifier: Apache-2.0
//
// Pipelines as the API shows them.
#include <algorithm>

#include "api/render.hpp"

namespace berth::api {

json::object Renderer::pipeline(const platform::Pipeline& pipeline) const {
  return {{"id", pipeline.id.value},
          {"name", pipeline.name},
          {"owner", {{"id", derived_uuid("user", pipeline.user)}, {"type", "user"}}},
          {"generation", {{"id", derived_uuid("generation", "cedar")}, {"name", "cedar"}}},
          {"created_at", rfc3339(pipeline.created_at)},
          {"updated_at", rfc3339(pipeline.updated_at)}};
}

json::object Renderer::coupling(const platform::Coupling& coupling) const {
  const auto pipeline = store_.find_pipeline(coupling.pipeline.value);
  return {{"id", coupling.id.value},
          {"app", app_reference(coupling.app)},
          {"pipeline",
           {{"id", coupling.pipeline.value},
            {"name", pipeline.has_value() ? pipeline->name : std::string()}}},
          {"stage", name_of(coupling.stage)},
          {"created_at", rfc3339(coupling.created_at)},
          {"updated_at", rfc3339(coupling.updated_at)}};
}

json::object Renderer::promotion(const platform::Promotion& promotion) const {
  const auto targets = store_.promotion_targets(promotion.id);
  const bool pending = std::ranges::any_of(targets, [this](const auto& target) {
    return promotion_target(target).at("status") == "pending";
  });
  return {{"id", promotion.id.value},
          {"pipeline", {{"id", promotion.pipeline.value}}},
          {"source",
           {{"app", {{"id", promotion.source.value}}},
            {"release", {{"id", promotion.release.value}}}}},
          {"status", pending ? "pending" : "completed"},
          {"created_at", rfc3339(promotion.created_at)},
          {"updated_at", rfc3339(promotion.created_at)}};
}

json::object Renderer::promotion_target(const platform::PromotionTarget& target) const {
  std::string_view status = "failed";
  std::string failure = target.failure;
  if (target.release) {
    const auto release = store_.find_release(target.app, target.release->value);
    if (release.has_error()) {
      failure = "the app was destroyed";
    } else {
      failure = release->failure;
      // A canary serves: the promotion has done what it can.
      status = release->status == platform::ReleaseStatus::failed ? "failed"
               : release->status == platform::ReleaseStatus::succeeded || release->is_canary()
                   ? "succeeded"
                   : "pending";
    }
  }
  return {{"id", target.id},
          {"pipeline_promotion", {{"id", target.promotion.value}}},
          {"app", app_reference(target.app)},
          {"release", target.release ? json::value(json::object{{"id", target.release->value}})
                                     : json::value(nullptr)},
          {"status", status},
          {"error_message", failure.empty() ? json::value(nullptr) : json::value(failure)}};
}

}  // namespace berth::api
