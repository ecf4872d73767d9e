// SPDX-License-Identifier: Apache-2.0
//
// How many replicas a process type needs, as a pure function of its policy, its recent traffic and
// the time. Up at once, on the last seconds; down only when a whole window agrees; to zero after a
// quiet while; from zero on the first request that waits.
#pragma once

#include <deque>
#include <string>

#include "base/clock.hpp"

namespace berth::runtime {

struct ScalingPolicy {
  int min = 0;
  int max = 1;
  double requests_per_second = 10;  ///< target for one replica
  Duration up_window = 3s;          ///< the rate that scales up is measured over this
  Duration down_window = 30s;       ///< every second of it must agree with fewer
  Duration idle_before_zero = 60s;  ///< without any request
};

/// One second of an app's traffic.
struct LoadSample {
  Time at{};
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t held = 0;
  friend bool operator==(const LoadSample&, const LoadSample&) = default;
};

struct ScalingState {
  int quantity = 0;
  Time since{};                     ///< when the policy was set or the replicas woke
  std::deque<LoadSample> samples;   ///< oldest first; decide() drops what no window needs
};

struct Decision {
  int quantity = 0;
  std::string why;  ///< for people: "66 requests/s over 3 s, target 20 a replica"
};

/// Adds the sample (if it is new) and decides; `state` becomes the state for the next call.
[[nodiscard]] Decision decide(const ScalingPolicy& policy, ScalingState& state,
                              const LoadSample& sample, Time now);

}  // namespace berth::runtime
