// SPDX-License-Identifier: Apache-2.0
#include "router/samples.hpp"

#include <algorithm>
#include <array>

namespace berth::router {

namespace {

constexpr std::array<std::string_view, 6> status_names{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

struct Quick {
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
};

Quick quick_totals(const AppRuntime& app) {
  Quick sum;
  for (const auto& shard : app.shards) {
    sum.requests += shard->requests.get();
    sum.in_flight += shard->in_flight.get();
  }
  return sum;
}

histogram::Counts operator-(const histogram::Counts& now, const histogram::Counts& before) {
  histogram::Counts result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = now[i] - before[i];
  return result;
}

/// The buckets that have something, each with its count: [[37,5],[40,1]].
json::array to_json(const histogram::Counts& counts) {
  json::array buckets;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) buckets.push_back(json::array{i, counts[i]});
  return buckets;
}

/// What a canary did, and what those beside it did, so that the two may be compared.
void compare_canary(json::object& sample, const Totals& now, const Totals& before) {
  const histogram::Counts latency = now.canary_latency - before.canary_latency;
  const std::uint64_t requests = now.canary_requests - before.canary_requests;
  const std::uint64_t failed = now.canary_failed - before.canary_failed;
  sample["canary"] = json::object{
      {"requests", requests}, {"failed", failed}, {"latency", to_json(latency)}};
  sample["regular"] = json::object{
      {"requests", now.requests - before.requests - requests},
      {"failed", now.status[5] - before.status[5] - failed},
      {"latency", to_json((now.latency - before.latency) - latency)}};
}

json::object difference(const Totals& now, const Totals& before, std::uint64_t held,
                        std::uint64_t max_us) {
  json::object status;
  for (std::size_t i = 0; i < status_names.size(); ++i)
    if (const auto count = now.status[i] - before.status[i]) status[status_names[i]] = count;
  json::object errors;
  for (std::size_t i = 0; i < error_code_count; ++i)
    if (const auto count = now.errors[i] - before.errors[i])
      errors[info(static_cast<ErrorCode>(i)).code] = count;
  const histogram::Counts latency = now.latency - before.latency;
  // A bucket's end may lie beyond the largest value in it.
  const auto p50 = std::min(histogram::percentile(latency, 0.50), max_us);
  const auto p95 = std::min(histogram::percentile(latency, 0.95), max_us);
  return json::object{
      {"requests", now.requests - before.requests},
      {"refused", now.refused - before.refused},
      // Held requests are not in flight at a replica.
      {"in_flight", now.in_flight - std::min(held, now.in_flight)},
      {"held", held},
      {"status", std::move(status)},
      {"errors", std::move(errors)},
      {"bytes_in", now.bytes_in - before.bytes_in},
      {"bytes_out", now.bytes_out - before.bytes_out},
      {"latency_us", json::object{{"sum", now.latency_sum_us - before.latency_sum_us},
                                  {"p50", p50},
                                  {"p95", p95},
                                  {"max", max_us}}},
      {"service_us_sum", now.service_sum_us - before.service_sum_us},
  };
}

}  // namespace

Sampler::Last& Sampler::last(std::size_t slot) {
  if (last_.size() <= slot) last_.resize(slot + 1);
  if (!last_[slot]) last_[slot] = std::make_unique<Last>();
  return *last_[slot];
}

void Sampler::reset(const Runtimes& apps) {
  last_.clear();
  for (std::size_t slot = 0; slot < apps.size(); ++slot)
    if (quick_totals(*apps[slot]).requests > 0) last(slot).totals = totals_of(*apps[slot]);
}

std::optional<json::object> Sampler::take(const Runtimes& apps, Time at,
                                          std::chrono::milliseconds interval) {
  json::object samples;
  for (std::size_t slot = 0; slot < apps.size(); ++slot) {
    const AppRuntime& app = *apps[slot];
    const Quick quick = quick_totals(app);
    const std::uint64_t held = app.held.load(std::memory_order_relaxed);
    const bool known = slot < last_.size() && last_[slot];
    const bool active = quick.in_flight > 0 || held > 0 ||
                        quick.requests != (known ? last_[slot]->totals.requests : 0);
    if (!active && !(known && last_[slot]->was_active)) continue;
    Last& before = last(slot);
    const Totals now = totals_of(app);
    std::uint64_t max_us = 0;
    for (const auto& shard : app.shards)
      max_us = std::max(max_us, shard->latency_max_us.exchange(0, std::memory_order_relaxed));
    json::object sample = difference(now, before.totals, held, max_us);
    if (app.has_canary.load(std::memory_order_relaxed))
      compare_canary(sample, now, before.totals);
    samples[app.name] = std::move(sample);
    before.totals = now;
    before.was_active = active;
  }
  if (samples.empty()) return std::nullopt;
  return json::object{{"type", "samples"},
                      {"at", rfc3339_micros(at)},
                      {"interval_ms", interval.count()},
                      {"apps", std::move(samples)}};
}

}  // namespace berth::router
