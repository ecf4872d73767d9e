// SPDX-License-Identifier: Apache-2.0
#include "runtime/autoscaler/decide.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/result.hpp"

namespace berth::runtime {

namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// Replicas that this rate needs, before the policy's bounds.
int needed(const ScalingPolicy& policy, double rate) {
  if (rate <= 0) return 0;
  return static_cast<int>(std::min(std::ceil(rate / policy.requests_per_second), 1e6));
}

/// The rate over the window that ends at `end`.
double rate_until(const ScalingState& state, Time end, Duration window) {
  std::uint64_t requests = 0;
  for (const LoadSample& sample : state.samples)
    if (sample.at <= end && sample.at > end - window) requests += sample.requests;
  return static_cast<double>(requests) / seconds(window);
}

bool has_load(const LoadSample& sample) {
  return sample.requests > 0 || sample.in_flight > 0 || sample.held > 0;
}

Time last_load(const ScalingState& state) {
  for (auto sample = state.samples.rbegin(); sample != state.samples.rend(); ++sample)
    if (has_load(*sample)) return sample->at;
  return {};
}

/// The most that any moment of the down window needed.
int most_needed_lately(const ScalingPolicy& policy, const ScalingState& state, Time now) {
  int most = 0;
  for (const LoadSample& sample : state.samples)
    if (sample.at > now - policy.down_window)
      most = std::max(most, needed(policy, rate_until(state, sample.at, policy.up_window)));
  return most;
}

/// The newest sample becomes the last. One without a time says nothing, one of a time that is known
/// replaces it, and a clock that was set back takes what it will measure again with it.
void add(ScalingState& state, const LoadSample& sample) {
  if (sample.at == Time{}) return;
  while (!state.samples.empty() && state.samples.back().at >= sample.at) state.samples.pop_back();
  state.samples.push_back(sample);
}

void forget_old(const ScalingPolicy& policy, ScalingState& state, Time now) {
  const Duration longest = policy.up_window + std::max(policy.down_window, policy.idle_before_zero);
  // The newest stays: it tells silence from a router that is away.
  while (state.samples.size() > 1 && state.samples.front().at <= now - longest)
    state.samples.pop_front();
}

/// The decision alone; decide() keeps the state.
Decision choose(const ScalingPolicy& policy, const ScalingState& state, const LoadSample& sample,
                Time now) {
  const double rate = rate_until(state, now, policy.up_window);
  const int wanted = needed(policy, rate);
  const int most = policy.room == Room::enough
                       ? policy.max
                       : std::min(policy.max, std::max(state.quantity, 1));
  const auto bounded = [&](int quantity) {
    return std::max(policy.min, std::min(quantity, most));
  };
  const auto rate_text = [&] {
    return fmt::format("{:.1f} requests/s over {:.0f} s, target {:g} a replica", rate,
                       seconds(policy.up_window), policy.requests_per_second);
  };

  if (state.quantity < policy.min) return {bounded(wanted), "below the minimum"};
  if (state.quantity > policy.max) return {policy.max, "above the maximum"};
  if (policy.room == Room::fewer && state.quantity > std::max(policy.min, 1))
    return {state.quantity - 1, "the machine's memory is short"};
  if (state.quantity == 0 && sample.held > 0)
    return {bounded(std::max(1, wanted)), "a request waits"};
  if (wanted > state.quantity && bounded(wanted) > state.quantity)
    return {bounded(wanted), rate_text()};

  // After load comes at least one sample without (docs/decisions/0002): no sample is no silence.
  if (!state.samples.empty() && has_load(state.samples.back()) &&
      now - state.samples.back().at > policy.up_window)
    return {state.quantity, fmt::format("as it is: no sample for {:.0f} s",
                                        seconds(now - state.samples.back().at))};

  const Time quiet_since = std::max(last_load(state), state.since);
  if (policy.min == 0 && state.quantity > 0 && now - quiet_since >= policy.idle_before_zero)
    return {0, fmt::format("no request for {:.0f} s", seconds(now - quiet_since))};
  if (now - state.since >= policy.down_window) {
    // One stays until the idle time is over, even if the rate needs none.
    const int enough = bounded(std::max(1, most_needed_lately(policy, state, now)));
    if (enough < state.quantity)
      return {enough, fmt::format("at most {} needed in the last {:.0f} s", enough,
                                  seconds(policy.down_window))};
  }
  return {state.quantity, "as it is: " + rate_text()};
}

}  // namespace

Decision decide(const ScalingPolicy& policy, ScalingState& state, const LoadSample& sample,
                Time now) {
  BERTH_ASSERT(policy.min <= policy.max && policy.requests_per_second > 0);
  // Without a past, and after the clock was set back, everything begins now.
  if (state.since == Time{} || state.since > now) state.since = now;
  add(state, sample);
  forget_old(policy, state, now);
  Decision decision = choose(policy, state, sample, now);
  if (decision.quantity > state.quantity) state.since = now;
  state.quantity = decision.quantity;
  return decision;
}

}  // namespace berth::runtime
