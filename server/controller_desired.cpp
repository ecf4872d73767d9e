// SPDX-License-Identifier: Apache-2.0
//
// What plan() is asked with: what the store wants of an app, and what is there of it.
#include "base/crypto.hpp"
#include "platform/app_json.hpp"
#include "platform/process_type.hpp"
#include "server/controller.hpp"

namespace berth::server {

namespace {

/// Replicas of another shape are replaced: other limits, or another place.
std::string shape_text(const std::string& size, const std::string& placement) {
  return placement.empty() ? size : size + " " + placement;
}

/// All at once, unless the app's owner says otherwise.
void want_steps(runtime::DesiredProcess& process, const platform::RolloutSettings& rollout) {
  if (rollout.surge == platform::RolloutSettings{}.surge) return;
  const platform::Steps steps = platform::steps_for(rollout, process.quantity);
  process.surge = steps.surge;
  process.unavailable = steps.unavailable;
}

}  // namespace

runtime::Desired Controller::desired_of(const platform::App& app, AppRecord& record) {
  runtime::Desired desired{.target = {},
                           .target_pending = false,
                           .release_command = false,
                           .serving = {},
                           .maintenance = app.maintenance,
                           .memory_tight = memory_tight_,
                           .preempted = record.gives_way};
  const std::vector<platform::Formation> formation = parts_.store.formation(app.id);
  const std::vector<platform::Volume> volumes = parts_.store.volumes(app.id);
  record.preview = app.preview.has_value();
  for (const platform::Formation& entry : formation)
    if (entry.type == "web")
      record.least_web = entry.autoscale ? std::max(entry.autoscale->min, 1) : entry.quantity;
  const auto wanted = [&](const platform::Release& release, bool pending, bool canary) {
    runtime::DesiredRelease result{.version = release.version,
                                   .content = content_of(app.id, release.version),
                                   .processes = {}};
    for (const platform::Formation& entry : formation) {
      if (!release.processes.contains(entry.type) || entry.type == platform::release_process)
        continue;
      const auto restarted = record.restart_before.find(entry.type);
      // A sleeping app is woken once to show that the new release can start at all.
      const bool probe = pending && entry.autoscale && entry.quantity == 0;
      if (canary && entry.type != "web") continue;
      const int whole = probe ? 1 : entry.quantity;
      const int quantity =
          canary && whole > 0 ? platform::canary_quantity(whole, release.canary) : whole;
      result.processes[entry.type] = {
          .quantity = quantity,
          .autoscaled = entry.autoscale.has_value(),
          .restart_before = restarted == record.restart_before.end() ? Time{} : restarted->second,
          .shape = shape_text(entry.size, platform::placement_text(app.placement))};
      want_volumes(result.processes[entry.type], volumes, entry.type);
      want_steps(result.processes[entry.type], app.rollout);
    }
    return result;
  };
  const auto target = parts_.store.target_release(app.id);
  if (!target || target->image.empty()) return desired;
  desired.target_pending = target->status == platform::ReleaseStatus::pending;
  // A volume for one container may have come since.
  const bool canary = target->is_canary() &&
                      parts_.store.why_no_canary(app.id, target->processes).empty();
  desired.target = wanted(*target, desired.target_pending, canary);
  desired.release_command = target->processes.contains(std::string(platform::release_process));
  if (!desired.target_pending) {
    if (release_before(app, *target))
      desired.roll_back_until = target->updated_at + app.rollout.rollback;
    return desired;
  }
  desired.canary = target->canary;
  desired.promoted = !canary;
  const auto serving = parts_.store.serving_release(app.id);
  if (serving && !serving->image.empty()) desired.serving = wanted(*serving, false, false);
  return desired;
}

const std::string& Controller::content_of(const platform::AppId& app, int version) {
  std::string& content = apps_[app].contents[version];
  if (!content.empty()) return content;
  const auto release = parts_.store.find_release(app, std::to_string(version));
  if (release.has_error()) return content;
  const auto vars = parts_.store.release_config_vars(release->id);
  if (vars.has_error()) return content;
  std::string text;
  const auto add = [&text](std::string_view part) {
    text += std::to_string(part.size()) + ":";
    text += part;
  };
  add(release->image);
  add(release->commit);
  add(platform::app_json_text(release->app_json));
  for (const auto* map : {&release->processes, &*vars}) {
    add(std::to_string(map->size()));
    for (const auto& [name, value] : *map) {
      add(name);
      add(value);
    }
  }
  return content = sha256_hex(text);
}

std::vector<runtime::Observed> Controller::observed_of(const platform::AppId& app) {
  std::vector<runtime::Observed> result;
  for (const auto& [id, replica] : replicas_) {
    const auto& status = replica.status;
    if (status.spec.app_id != app.value || status.spec.process_type == "run") continue;
    result.push_back({.id = id,
                      .slot = {.type = status.spec.process_type,
                               .index = runtime::index_in(status.spec.name),
                               .release = status.spec.release},
                      .content = content_of(app, status.spec.release),
                      .shape = shape_text(status.spec.size, status.spec.placement),
                      .volumes = volumes_text(status.spec.volumes),
                      .state = state_of(replica),
                      .stopping = status.stopping,
                      .unwanted = replica.unwanted,
                      .draining = replica.draining,
                      .drained = replica.drained,
                      .started_at = status.started_at,
                      .ready_at = replica.ready_at,
                      .draining_since = replica.draining_since,
                      .frozen = replica.frozen_since != Time{},
                      .frozen_since = replica.frozen_since,
                      .exited_at = status.exited_at,
                      .unready = health_.find(id) && !health_.find(id)->ready(),
                      .unrouted = replica.unrouted,
                      .unhealthy = replica.unhealthy,
                      .succeeded = runtime::succeeded(status),
                      .message = status.message});
  }
  return result;
}

}  // namespace berth::server
