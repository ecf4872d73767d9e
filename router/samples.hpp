// SPDX-License-Identifier: Apache-2.0
//
// Turns counters into the samples message: what was finished since the last call, for the apps that
// had traffic, and one all-zero sample after the last.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "router/counters.hpp"

namespace berth::router {

using Runtimes = std::vector<std::unique_ptr<AppRuntime>>;

class Sampler final {
 public:
  /// Counts from now on.
  void reset(const Runtimes& apps);
  /// The message, or nothing if no app has anything to say.
  [[nodiscard]] std::optional<json::object> take(const Runtimes& apps, Time at,
                                                 std::chrono::milliseconds interval);

 private:
  struct Last {
    Totals totals;
    bool was_active = false;
  };
  Last& last(std::size_t slot);
  std::vector<std::unique_ptr<Last>> last_;  ///< by slot; made when the app has its first request
};

}  // namespace berth::router
