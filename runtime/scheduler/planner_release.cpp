// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "platform/process_type.hpp"
#include "runtime/scheduler/planner.hpp"

namespace berth::runtime {

bool Planner::run_release_command() {
  const int version = desired_.target.version;
  if (!desired_.release_command || result_.memory.prepared == version) return true;
  const Observed* ours = nullptr;
  bool another_runs = false;
  for (const Observed& replica : observed_) {
    if (replica.slot.type != platform::release_process) continue;
    if (replica.slot.release != version)
      another_runs = another_runs || replica.state != ReplicaState::exited;
    else if (!ours || replica.id > ours->id)
      ours = &replica;
  }
  if (!ours) {
    // Migrations of two releases must not meet.
    if (!another_runs) act(StartReplica{{std::string(platform::release_process), 1, version}});
    return false;
  }
  if (ours->state == ReplicaState::exited && ours->succeeded) {
    result_.memory.prepared = version;
    return true;
  }
  if (ours->state == ReplicaState::exited) return fail_command(ours->message);
  const Time deadline = ours->started_at + policy_.release_timeout;
  if (now_ >= deadline) return fail_command("took too long");
  wake_at(deadline);
  kept_.push_back(ours->id);
  return false;
}

bool Planner::fail_command(const std::string& why) {
  command_failed_ = true;
  act(SettleRelease{desired_.target.version, false, "the release command " + why});
  return false;
}

bool Planner::settle_failure() {
  const Observed* first = nullptr;
  for (const Observed& replica : observed_)
    if (replica.slot.release == desired_.target.version && is_crash(replica) &&
        (!first ||
         std::tuple(replica.exited_at, replica.id) < std::tuple(first->exited_at, first->id)))
      first = &replica;
  if (!first) return false;
  const bool ended =
      first->succeeded && first->ready_at == Time{} && desired_.serving.version == 0;
  act(SettleRelease{
      desired_.target.version, ended,
      first->slot.type + "." + std::to_string(first->slot.index) + " " + reason(*first)});
  return true;
}

void Planner::settle_success() {
  if (desired_.is_canary()) return;
  for (const auto& [type, process] : desired_.target.processes)
    for (int index = 1; index <= process.quantity; ++index)
      if (!current({type, index, desired_.target.version}, process, /*ready=*/true)) return;
  act(SettleRelease{desired_.target.version, true, {}});
  // Traffic moves in the next call, when the store says so.
  wake_at(now_);
}

void Planner::keep_target() {
  const auto ready = [&](const std::string& type, const DesiredProcess& process) {
    for (int index = 1; index <= process.quantity; ++index)
      if (!current({type, index, desired_.target.version}, process, /*ready=*/true))
        return false;
    return true;
  };
  const bool begun = std::ranges::all_of(desired_.target.processes, [&](const auto& entry) {
    return is_exclusive(entry.first) || ready(entry.first, entry.second);
  });
  for (const auto& [type, process] : desired_.target.processes)
    if (is_exclusive(type) && process.quantity > 0 &&
        (begun || current({type, 1, desired_.target.version}, process, /*ready=*/false)))
      taken_over_.insert(type);
  keep(desired_.target, /*serve=*/false);
}

void Planner::route_canary() {
  if (desired_.canary == 0) return;
  for (const auto& [type, process] : desired_.target.processes)
    for (int index = 1; type == "web" && index <= process.quantity; ++index) {
      const Observed* replica =
          current({type, index, desired_.target.version}, process, /*ready=*/true);
      if (replica && std::ranges::find(result_.routed, replica->id) == result_.routed.end())
        result_.canary.push_back(replica->id);
    }
}

}  // namespace berth::runtime
