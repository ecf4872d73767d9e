// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/canary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace berth::runtime {

namespace {

constexpr std::uint64_t least_failed = 3;
constexpr double least_excess = 0.02;  ///< of the rate of failures
/// Standard errors between two rates: by chance one trial in a thousand looks so at one moment.
constexpr double clear_distance = 3;
constexpr std::uint64_t least_for_latency = 100;  ///< requests, on both sides
constexpr std::uint64_t latency_slack_us = 50'000;
constexpr std::uint64_t latency_factor = 2;

double rate_of(const AnsweredRequests& answered) {
  return answered.count == 0
             ? 0
             : static_cast<double>(answered.failed) / static_cast<double>(answered.count);
}

/// The two-proportion z-test, one-sided. Where the others have no requests, as many good ones stand
/// for them.
bool fails_more(const CanaryTrial& trial) {
  if (trial.canary.failed < least_failed) return false;
  const double excess = rate_of(trial.canary) - rate_of(trial.regular);
  if (excess < least_excess) return false;
  const auto ours = static_cast<double>(trial.canary.count);
  const auto others =
      static_cast<double>(trial.regular.count == 0 ? trial.canary.count : trial.regular.count);
  const double pooled =
      static_cast<double>(trial.canary.failed + trial.regular.failed) / (ours + others);
  const double error = std::sqrt(pooled * (1 - pooled) * (1 / ours + 1 / others));
  return excess > clear_distance * error;
}

std::string percent(double rate) { return fmt::format("{:.1f} %", rate * 100); }

std::string milliseconds(std::uint64_t us) {
  return fmt::format("{:.0f} ms", static_cast<double>(us) / 1000);
}

}  // namespace

AnsweredRequests& AnsweredRequests::operator+=(const AnsweredRequests& more) {
  count += more.count;
  failed += more.failed;
  for (std::size_t i = 0; i < latency.size(); ++i) latency[i] += more.latency[i];
  return *this;
}

Verdict judge(const CanaryTrial& trial, Duration promote_after, Time now) {
  const std::string rates = percent(rate_of(trial.canary)) + " of its " +
                            std::to_string(trial.canary.count) + " requests failed, " +
                            percent(rate_of(trial.regular)) + " of the others'";
  if (fails_more(trial)) return {Verdict::Kind::abort, rates};
  const std::uint64_t ours = histogram::percentile(trial.canary.latency, 0.95);
  const std::uint64_t others = histogram::percentile(trial.regular.latency, 0.95);
  const std::string latencies =
      "95 % took up to " + milliseconds(ours) + ", of the others' " + milliseconds(others);
  if (std::min(trial.canary.count, trial.regular.count) >= least_for_latency &&
      ours > latency_factor * others + latency_slack_us)
    return {Verdict::Kind::abort, latencies};
  if (promote_after > Duration::zero() && now - trial.since >= promote_after)
    return {Verdict::Kind::promote, rates + "; " + latencies};
  return {};
}

}  // namespace berth::runtime
