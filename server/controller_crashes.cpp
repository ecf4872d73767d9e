// SPDX-License-Identifier: Apache-2.0
//
// What crashed and waits to be tried again has no container, and is shown all the same.
#include <algorithm>

#include "server/controller.hpp"

namespace berth::server {

namespace {

std::string name_of(const runtime::Slot& slot) {
  return slot.type + "." + std::to_string(slot.index);
}

}  // namespace

void Controller::show_crashes(const platform::AppId& app, AppRecord& record) {
  std::map<runtime::Slot, api::ReplicaView> crashed;
  for (const auto& [slot, crash] : record.memory.slots) {
    const bool tried_again = std::ranges::any_of(replicas_, [&](const auto& entry) {
      const runtime::ReplicaSpec& spec = entry.second.status.spec;
      return spec.app_id == app.value && spec.release == slot.release &&
             spec.name == name_of(slot);
    });
    if (tried_again) continue;
    Replica gone;
    gone.status.spec.id = crash.last;
    gone.status.spec.app_id = app.value;
    gone.status.spec.process_type = slot.type;
    gone.status.spec.name = name_of(slot);
    gone.status.spec.release = slot.release;
    gone.status.spec.size = crash.shape.substr(0, crash.shape.find(' '));
    gone.status.state = runtime::ReplicaState::exited;
    gone.status.message = crash.message;
    gone.status.exited_at = crash.last_exit;
    crashed[slot] = view_of(gone);
  }
  for (const auto& [slot, view] : record.crashed) {
    const auto still = crashed.find(slot);
    if (still == crashed.end() || still->second.id != view.id)
      parts_.notices.replica(app, view, "gone");
  }
  for (const auto& [slot, view] : crashed) {
    const auto before = record.crashed.find(slot);
    if (before == record.crashed.end() || before->second.id != view.id)
      parts_.notices.replica(app, view, {});
  }
  record.crashed = std::move(crashed);
}

bool Controller::retry_crashed(AppRecord& record, const std::string& name) {
  return std::erase_if(record.memory.slots, [&](const auto& entry) {
           return name_of(entry.first) == name && record.crashed.contains(entry.first);
         }) > 0;
}

}  // namespace berth::server
