// SPDX-License-Identifier: Apache-2.0
//
// In whose turn replicas start that nobody waits for. After a reboot all of them want to at once,
// and each would take so long that it is given up (R10) and tried again, for ever. So there are a
// few at a time, first come, first served. Pure, not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace berth::runtime {

class StartTurns final {
 public:
  explicit StartTurns(std::size_t most) : most_(most) {}

  /// Whether a replica of this app may start now, beside those that are starting; if not, the app
  /// waits for its turn.
  [[nodiscard]] bool take(const std::string& app, const std::function<std::size_t()>& starting);
  /// The apps whose turn it is, now that so many are starting. Each asks for its replicas again.
  [[nodiscard]] std::vector<std::string> next(std::size_t starting);
  [[nodiscard]] bool is_waiting(const std::string& app) const { return known_.contains(app); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  std::size_t most_;
  std::deque<std::string> waiting_;
  std::set<std::string> known_;   ///< the same, to be found
  std::set<std::string> called_;  ///< by the last next()
};

}  // namespace berth::runtime
