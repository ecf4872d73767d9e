// SPDX-License-Identifier: Apache-2.0
#include "router/counters.hpp"

namespace berth::router {

namespace histogram {

std::uint64_t percentile(const Counts& counts, double part) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0) return 0;
  const double wanted = part * static_cast<double>(total);
  double seen = 0;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    if (counts[bucket] == 0) continue;
    const auto here = static_cast<double>(counts[bucket]);
    if (seen + here >= wanted) {
      const auto begin = static_cast<double>(bucket == 0 ? 0 : bucket_end(bucket - 1));
      const auto end = static_cast<double>(bucket_end(bucket));
      return static_cast<std::uint64_t>(begin + (end - begin) * ((wanted - seen) / here));
    }
    seen += here;
  }
  return bucket_end(bucket_count - 1);
}

}  // namespace histogram

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
  Histogram* buckets = latency.load(std::memory_order_relaxed);
  if (!buckets) {
    buckets = new Histogram;
    latency.store(buckets, std::memory_order_release);
  }
  (*buckets)[histogram::bucket_of(request.latency_us)].add();
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
      for (std::size_t i = 0; i < sum.latency.size(); ++i) sum.latency[i] += (*buckets)[i].get();
  }
  return sum;
}

}  // namespace berth::router
