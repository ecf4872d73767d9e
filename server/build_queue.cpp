// SPDX-License-Identifier: Apache-2.0
#include "server/build_queue.hpp"

#include <algorithm>
#include <tuple>

namespace berth::server {

Result<std::vector<std::string>> admit(const std::vector<QueuedPush>& pushes,
                                       const std::string& app, const std::string& commit) {
  std::vector<std::string> superseded;
  for (const QueuedPush& other : pushes) {
    if (other.app != app || other.phase == PushPhase::ended || other.cancelled) continue;
    if (!commit.empty() && other.commit == commit)
      return Error{ErrorKind::conflict,
                   "another push is deploying the same commit (" + commit.substr(0, 7) +
                       ") to this app. Wait until it ends; there is nothing more to push"};
    superseded.push_back(other.id);
  }
  return superseded;
}

bool must_hold(const std::vector<QueuedPush>& pushes, const QueuedPush& push) {
  return std::ranges::any_of(pushes, [&](const QueuedPush& other) {
    return other.app == push.app && other.number < push.number;
  });
}

QueueDecision decide_queue(const std::vector<QueuedPush>& pushes,
                           const std::map<std::string, std::uint64_t>& turns,
                           const QueuePolicy& policy, Time now) {
  QueueDecision decision;
  int building = 0;
  std::vector<const QueuedPush*> waiting;
  for (const QueuedPush& push : pushes) {
    if (push.phase == PushPhase::building) ++building;
    if (push.phase != PushPhase::waiting || push.cancelled) continue;
    if (now - push.arrived >= policy.timeout) decision.expired.push_back(push.id);
    else waiting.push_back(&push);
  }
  auto last_turn = turns;
  std::uint64_t turn = 0;
  for (const auto& [owner, number] : turns) turn = std::max(turn, number);
  while (building < policy.parallel && !waiting.empty()) {
    const auto next = std::ranges::min_element(waiting, {}, [&](const QueuedPush* push) {
      const auto known = last_turn.find(push->owner);
      return std::tuple(known == last_turn.end() ? 0 : known->second, push->number);
    });
    last_turn[(*next)->owner] = ++turn;
    decision.start.push_back((*next)->id);
    waiting.erase(next);
    ++building;
  }
  for (const QueuedPush* push : waiting) {
    const Time end = push->arrived + policy.timeout;
    if (decision.next == Time{} || end < decision.next) decision.next = end;
  }
  return decision;
}

}  // namespace berth::server
