// SPDX-License-Identifier: Apache-2.0
//
// What is counted for each app. Every thread has its own shard and is its only writer, so a count
// is a plain add; the control thread reads all shards once a second and sends the differences.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.hpp"
#include "router/errors.hpp"
#include "router/rate_table.hpp"

namespace berth::router {

/// Written by one thread, read by any.
class Count final {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n = 1) { add(~n + 1); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct AppShard {
  Count requests;
  Count refused;  ///< of them, those that the app's state was never asked for: no load of the app's
  Count bytes_in, bytes_out, latency_sum_us, service_sum_us;
  Count in_flight;  ///< a gauge: add and subtract
  std::array<Count, 6> status;  ///< by first digit; [0] for none
  std::array<Count, error_code_count> errors;
  std::atomic<std::uint64_t> latency_max_us{0};  ///< the reader swaps it for 0
  using Histogram = std::array<Count, histogram::bucket_count>;
  /// Of those that a canary has answered, once more.
  struct Canary {
    Count requests, failed;  ///< with 5xx
    Histogram latency;
  };
  /// Made by the writer at the first request: most apps of a large table sleep.
  std::atomic<Histogram*> latency{nullptr};
  std::atomic<Canary*> canary{nullptr};

  AppShard() = default;
  AppShard(const AppShard&) = delete;
  AppShard& operator=(const AppShard&) = delete;
  ~AppShard() {
    delete latency.load();
    delete canary.load();
  }

  struct Finished {
    int status = 0;
    ErrorCode error = ErrorCode::none;
    bool refused = false;
    bool by_canary = false;
    std::uint64_t bytes_in = 0, bytes_out = 0, latency_us = 0, service_us = 0;
  };
  void finished(const Finished& request);
};

/// The part of an app that all threads and tables share; lives as long as the router.
struct AppRuntime {
  AppRuntime(std::string app_name, std::size_t threads) : name(std::move(app_name)) {
    for (std::size_t i = 0; i < threads; ++i) shards.push_back(std::make_unique<AppShard>());
  }
  const std::string name;
  std::vector<std::unique_ptr<AppShard>> shards;
  std::atomic<std::uint32_t> held{0};         ///< requests that wait now, on all threads
  std::atomic<bool> has_canary{false};        ///< now
  std::atomic<bool> wake_wanted{false};       ///< set by a thread, taken back by the control thread
  /// Made with the first table in which the app has rules that need them; then they stay.
  std::unique_ptr<RateTable> requests_of_clients;
  std::unique_ptr<RateTable> passwords_of_clients;
  /// Of all threads; each may be a little behind the others.
  [[nodiscard]] std::uint64_t in_flight() const {
    std::uint64_t sum = 0;
    for (const auto& shard : shards) sum += shard->in_flight.get();
    return sum;
  }
};

/// Sums over all shards of an app.
struct Totals {
  std::uint64_t requests = 0, refused = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0, latency_sum_us = 0, service_sum_us = 0;
  std::uint64_t in_flight = 0;
  std::array<std::uint64_t, 6> status{};
  std::array<std::uint64_t, error_code_count> errors{};
  histogram::Counts latency{};
  std::uint64_t canary_requests = 0, canary_failed = 0;
  histogram::Counts canary_latency{};
};
[[nodiscard]] Totals totals_of(const AppRuntime& app);

}  // namespace berth::router
