// SPDX-License-Identifier: Apache-2.0
//
// Which of many replicas start first: those that a request or a deploy waits for, at once; the
// others a few at a time.
#include <algorithm>

#include "platform/process_type.hpp"
#include "server/controller.hpp"

namespace berth::server {

namespace {

constexpr Duration awaited_for = 10s;  ///< after the last sign that somebody waits

}  // namespace

bool Controller::may_start(const platform::App& app, const runtime::Slot& slot) {
  const AppRecord& record = apps_.at(app.id);
  const bool deployed = slot.type == platform::release_process || slot.release == record.pending;
  const bool awaited = slot.type == "web" && now() - record.awaited_at < awaited_for;
  return deployed || (awaited && !has_web(app.id)) ||
         turns_.take(app.id.value, [this] { return count_starting(); });
}

/// One that serves, or will: whoever waits for the app waits for that.
bool Controller::has_web(const platform::AppId& app) const {
  return std::ranges::any_of(replicas_, [&](const auto& entry) {
    const runtime::ReplicaStatus& status = entry.second.status;
    return status.spec.app_id == app.value && status.spec.process_type == "web" &&
           status.state != runtime::ReplicaState::exited && !status.stopping &&
           entry.second.frozen_since == Time{};
  });
}

std::size_t Controller::count_starting() const {
  return static_cast<std::size_t>(std::ranges::count_if(replicas_, [](const auto& entry) {
    const runtime::ReplicaStatus& status = entry.second.status;
    return status.state == runtime::ReplicaState::starting && !status.stopping;
  }));
}

void Controller::note_awaited(const platform::AppId& app) {
  apps_[app].awaited_at = now();
  if (turns_.is_waiting(app.value)) reconcile(app);
}

void Controller::give_turns() {
  if (turns_.empty()) return;
  for (const std::string& app : turns_.next(count_starting())) reconcile(platform::AppId(app));
}

}  // namespace berth::server
