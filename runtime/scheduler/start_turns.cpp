// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/start_turns.hpp"

#include <algorithm>

namespace berth::runtime {

bool StartTurns::take(const std::string& app, const std::function<std::size_t()>& starting) {
  const bool in_turn = waiting_.empty() || called_.contains(app);
  if (in_turn && starting() < most_) return true;
  if (known_.insert(app).second) waiting_.push_back(app);
  return false;
}

std::vector<std::string> StartTurns::next(std::size_t starting) {
  std::vector<std::string> result;
  const std::size_t room = most_ - std::min(most_, starting);
  while (result.size() < room && !waiting_.empty()) {
    known_.erase(waiting_.front());
    result.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  called_ = {result.begin(), result.end()};
  return result;
}

}  // namespace berth::runtime
