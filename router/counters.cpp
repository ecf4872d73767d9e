// SPDX-License-Identifier: Apache-2.0
#include "router/counters.hpp"

namespace berth::router {

namespace {

/// By the one thread that writes it, when it first has to.
template <class Value>
Value& made(std::atomic<Value*>& place) {
  Value* value = place.load(std::memory_order_relaxed);
  if (!value) {
    value = new Value;
    place.store(value, std::memory_order_release);
  }
  return *value;
}

void add(histogram::Counts& sum, const AppShard::Histogram& buckets) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += buckets[i].get();
}

}  // namespace

void AppShard::finished(const Finished& request) {
  requests.add();
  if (request.refused) refused.add();
  bytes_in.add(request.bytes_in);
  bytes_out.add(request.bytes_out);
  latency_sum_us.add(request.latency_us);
  service_sum_us.add(request.service_us);
  const int first_digit = request.status / 100;
  status[first_digit >= 1 && first_digit <= 5 ? static_cast<std::size_t>(first_digit) : 0].add();
  if (request.error != ErrorCode::none) errors[static_cast<std::size_t>(request.error)].add();
  if (latency_max_us.load(std::memory_order_relaxed) < request.latency_us)
    latency_max_us.store(request.latency_us, std::memory_order_relaxed);
  const std::size_t bucket = histogram::bucket_of(request.latency_us);
  made(latency)[bucket].add();
  if (!request.by_canary) return;
  Canary& part = made(canary);
  part.requests.add();
  if (first_digit == 5) part.failed.add();
  part.latency[bucket].add();
}

Totals totals_of(const AppRuntime& app) {
  Totals sum;
  for (const auto& shard : app.shards) {
    sum.requests += shard->requests.get();
    sum.refused += shard->refused.get();
    sum.bytes_in += shard->bytes_in.get();
    sum.bytes_out += shard->bytes_out.get();
    sum.latency_sum_us += shard->latency_sum_us.get();
    sum.service_sum_us += shard->service_sum_us.get();
    sum.in_flight += shard->in_flight.get();
    for (std::size_t i = 0; i < sum.status.size(); ++i) sum.status[i] += shard->status[i].get();
    for (std::size_t i = 0; i < sum.errors.size(); ++i) sum.errors[i] += shard->errors[i].get();
    if (const auto* buckets = shard->latency.load(std::memory_order_acquire))
      add(sum.latency, *buckets);
    if (const auto* canary = shard->canary.load(std::memory_order_acquire)) {
      sum.canary_requests += canary->requests.get();
      sum.canary_failed += canary->failed.get();
      add(sum.canary_latency, canary->latency);
    }
  }
  return sum;
}

}  // namespace berth::router
