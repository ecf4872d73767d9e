// SPDX-License-Identifier: Apache-2.0
//
// Which push builds next, which gives way and which has waited too long; other ways to deploy are
// pushes here. Pure: deploy_queue.hpp keeps the pushes and does what is decided here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace berth::server {

enum class PushPhase {
  held,       ///< waits until older pushes of its app have ended
  waiting,    ///< for its turn
  building,
  releasing,  ///< its release is not healthy yet
  ended,      ///< answered; git is about to move the branch, or not
};

struct QueuedPush {
  std::string id;
  std::string owner;  ///< whose turn it is to build: the app, or what it is a preview of
  std::string app;
  std::string commit;  ///< empty: an image that was made elsewhere
  PushPhase phase = PushPhase::held;
  bool cancelled = false;  ///< it is told to end, and has not yet
  std::uint64_t number = 0;  ///< in order of arrival
  Time arrived{};
  friend bool operator==(const QueuedPush&, const QueuedPush&) = default;
};

/// What a new push of `commit` to `app` does to those before it: the ids of pushes that give way,
/// or the reason why it is refused. git moves a branch for one push alone, so the newer wins and
/// the older ends.
[[nodiscard]] Result<std::vector<std::string>> admit(const std::vector<QueuedPush>& pushes,
                                                     const std::string& app,
                                                     const std::string& commit);
/// An older push to the same app is still there: the branch may yet move.
[[nodiscard]] bool must_hold(const std::vector<QueuedPush>& pushes, const QueuedPush& push);

struct QueuePolicy {
  int parallel = 1;
  Duration timeout{};
};

struct QueueDecision {
  std::vector<std::string> start;    ///< in this order
  std::vector<std::string> expired;  ///< waited for the whole timeout
  Time next{};                       ///< when time alone changes something; epoch: never
  friend bool operator==(const QueueDecision&, const QueueDecision&) = default;
};

/// Round robin over owners: whose last turn is longest ago comes first, among equals who came
/// first. `turns`: owner → number of its last turn, growing; absent: never had one.
[[nodiscard]] QueueDecision decide_queue(const std::vector<QueuedPush>& pushes,
                                         const std::map<std::string, std::uint64_t>& turns,
                                         const QueuePolicy& policy, Time now);

}  // namespace berth::server
