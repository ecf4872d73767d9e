// SPDX-License-Identifier: Apache-2.0
//
// Replicas of the release that served before, frozen for a rollback; when, says plan().
#include <set>

#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/health/memory_pressure.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

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

void Controller::look_at_frozen() {
  std::set<platform::AppId> apps;
  for (const auto& [id, replica] : replicas_)
    if (replica.frozen_since != Time{}) apps.insert(platform::AppId(replica.status.spec.app_id));
  const auto memory = apps.empty() ? Result<std::string>(std::string())
                                   : read_file("/proc/meminfo", 16 << 10);
  memory_tight_ = !memory.has_error() && runtime::memory_is_tight(*memory);
  if (memory_tight_)
    for (const platform::AppId& app : apps) reconcile(app);
}

}  // namespace berth::server
