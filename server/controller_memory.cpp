// SPDX-License-Identifier: Apache-2.0
//
// What gives way when memory is short, in this order: replicas of the release that served before,
// frozen for a rollback; previews; replicas that load has added. What becomes of them is said by
// plan() and decide().
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/health/memory_pressure.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

using runtime::ReplicaState;

namespace {

/// So long must memory have sufficed; what was stopped would only take it again.
constexpr Duration calm_before_more = 60s;

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
  const auto memory = read_file("/proc/meminfo", 16 << 10);
  memory_tight_ = !memory.has_error() && runtime::memory_is_tight(*memory);
  std::set<platform::AppId> previews;
  for (const platform::App& app : apps)
    if (app.preview) previews.insert(app.id);
  std::set<platform::AppId> frozen;
  bool previews_run = false;
  for (const auto& [id, replica] : replicas_) {
    const platform::AppId app(replica.status.spec.app_id);
    if (replica.frozen_since != Time{}) frozen.insert(app);
    previews_run |= previews.contains(app) && replica.status.state != ReplicaState::exited;
  }
  // One after the other: what they take should come free before more has to go.
  if (memory_tight_)
    for (const platform::AppId& app : frozen) reconcile(app);
  const bool more_must_go = memory_tight_ && frozen.empty();
  if (more_must_go) memory_short_until_ = now() + calm_before_more;
  room_ = more_must_go && !previews_run     ? runtime::Room::fewer
          : now() < memory_short_until_ ? runtime::Room::no_more
                                        : runtime::Room::enough;
  look_at_pools();
  let_previews_yield(apps);
}

/// The same of what is declared: something took the place of what ranks lower.
void Controller::look_at_pools() {
  bool room_everywhere = true;
  for (const runtime::Node& pool : nodes()) {
    PoolRoom& known = pool_rooms_[pool.name];
    const bool overfull = pool.is_overfull();
    const bool previews_run =
        pool.taken[static_cast<std::size_t>(runtime::Rank::preview)] != runtime::Resources{};
    if (overfull) known.short_until = now() + calm_before_more;
    known.room = overfull && !previews_run   ? runtime::Room::fewer
                 : now() < known.short_until ? runtime::Room::no_more
                                             : runtime::Room::enough;
    room_everywhere &= known.room == runtime::Room::enough;
  }
  for (auto& [id, record] : apps_) record.room = runtime::Room::enough;
  if (room_everywhere) return;
  for (const auto& [id, replica] : replicas_) {
    const auto record = apps_.find(platform::AppId(replica.status.spec.app_id));
    if (record == apps_.end() || replica.status.state == ReplicaState::exited) continue;
    if (const auto pool = pool_rooms_.find(replica.status.spec.pool); pool != pool_rooms_.end())
      record->second.room = std::max(record->second.room, pool->second.room);
  }
}

void Controller::let_previews_yield(const std::vector<platform::App>& apps) {
  for (const platform::App& app : apps) {
    if (!app.preview) continue;
    AppRecord& record = apps_[app.id];
    const bool yields = room_for(app) != runtime::Room::enough;
    if (std::exchange(record.gives_way, yields) == yields) continue;
    append_app_log(log_directory(app.id), "scheduler",
                   yields ? "Stopped: " + std::string(runtime::preempted_why)
                          : "There is memory again: it may run");
    reconcile(app.id);
  }
}

}  // namespace berth::server
