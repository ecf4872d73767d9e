// SPDX-License-Identifier: Apache-2.0
//
// Whether a canary fares as well as what serves beside it, by the requests that both have answered.
// Pure: counts and times are given.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/histogram.hpp"

namespace berth::runtime {

struct AnsweredRequests {
  std::uint64_t count = 0;
  std::uint64_t failed = 0;  ///< with 5xx
  histogram::Counts latency{};
  AnsweredRequests& operator+=(const AnsweredRequests& more);
};

struct CanaryTrial {
  Time since{};  ///< it gets its share
  AnsweredRequests canary;
  AnsweredRequests regular;
};

struct Verdict {
  enum class Kind { wait, promote, abort };
  Kind kind = Kind::wait;
  std::string why;  ///< for people, but for wait
};

/// It is aborted once it is clear that more of its requests fail, or that its p95 latency is far
/// above; and promoted when nothing of that is known after `promote_after` (0: by nobody but a
/// person).
[[nodiscard]] Verdict judge(const CanaryTrial& trial, Duration promote_after, Time now);

}  // namespace berth::runtime
