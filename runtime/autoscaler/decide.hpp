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

/// What the machine's memory allows to an app that scales.
enum class Room {
  enough,
  no_more,  ///< than run, but for a first one
  fewer,    ///< down to the minimum or one, one at a time
};

struct ScalingPolicy {
  int min = 0;                      ///< 0: sleeps when idle
  int max = 1;                      ///< at least min
  double requests_per_second = 10;  ///< target for one replica; above 0
  Duration up_window = 3s;          ///< the rate that scales up is measured over this
  Duration down_window = 30s;       ///< every second of it must agree with fewer
  Duration idle_before_zero = 60s;  ///< without any request
  Room room = Room::enough;
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
  /// When it last grew, or the policy was set: nothing is removed for a window after.
  /// Epoch: from the next call on.
  Time since{};
  std::deque<LoadSample> samples;   ///< oldest first; decide() drops what no window needs
};

struct Decision {
  int quantity = 0;
  std::string why;  ///< for people: "66 requests/s over 3 s, target 20 a replica"
};

/// Adds the sample and decides; `state` becomes the state for the next call. Where there is no new
/// sample, one without a time changes nothing but lets time pass.
[[nodiscard]] Decision decide(const ScalingPolicy& policy, ScalingState& state,
                              const LoadSample& sample, Time now);

}  // namespace berth::runtime
