// SPDX-License-Identifier: Apache-2.0
//
// What gives way when memory is short: replicas of the release that served before, frozen for a
// rollback, and previews. What becomes of them, says plan().
#include <algorithm>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/health/memory_pressure.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

namespace {

/// So long must memory have sufficed; what was stopped would only take it again.
constexpr Duration calm_before_previews = 60s;

}  // namespace

void Controller::freeze(const runtime::ReplicaId& id) {
  Replica& replica = replicas_.at(id);
  if (auto frozen = parts_.engine.freeze(id); frozen.has_error()) {
    log_warning("{}", frozen.error().message);
    return stop_now(id);
  }
  replica.frozen_since = now();
  health_.forget(id);  // nobody answers
  append_app_log(log_directory(platform::AppId(replica.status.spec.app_id)),
                 replica.status.spec.name, "State changed from up to idle (kept for a rollback)");
  publish(replica);
}

void Controller::thaw(const runtime::ReplicaId& id) {
  Replica& replica = replicas_.at(id);
  if (auto thawed = parts_.engine.thaw(id); thawed.has_error()) {
    log_warning("{}", thawed.error().message);
    return stop_now(id);
  }
  replica.frozen_since = {};
  replica.status.frozen_at = {};
  replica.draining = replica.drained = false;
  replica.draining_since = {};
  begin_checks(replica, /*adopted=*/true);
  append_app_log(log_directory(platform::AppId(replica.status.spec.app_id)),
                 replica.status.spec.name, "State changed from idle to up");
  publish(replica);
}

void Controller::look_at_room(const std::vector<platform::App>& apps) {
  std::set<platform::AppId> frozen;
  for (const auto& [id, replica] : replicas_)
    if (replica.frozen_since != Time{}) frozen.insert(platform::AppId(replica.status.spec.app_id));
  const bool previews =
      std::ranges::any_of(apps, [](const platform::App& app) { return app.preview.has_value(); });
  const auto memory = frozen.empty() && !previews ? Result<std::string>(std::string())
                                                  : read_file("/proc/meminfo", 16 << 10);
  memory_tight_ = !memory.has_error() && runtime::memory_is_tight(*memory);
  if (memory_tight_)
    for (const platform::AppId& app : frozen) reconcile(app);
  // One after the other: what they take should come free before more has to go.
  if (memory_tight_ && frozen.empty()) previews_yield_until_ = now() + calm_before_previews;
  let_previews_yield(apps, now() < previews_yield_until_);
}

void Controller::let_previews_yield(const std::vector<platform::App>& apps, bool yield) {
  if (std::exchange(previews_yield_, yield) == yield) return;
  for (const platform::App& app : apps) {
    if (!app.preview) continue;
    append_app_log(log_directory(app.id), "scheduler",
                   yield ? "Stopped: " + std::string(runtime::preempted_why)
                         : "There is memory again: it may run");
    reconcile(app.id);
  }
}

}  // namespace berth::server
