// SPDX-License-Identifier: Apache-2.0
//
// What one thread keeps for each app and replica: requests in flight, idle connections, held
// requests, the log buffer. Found by slot; outlives the table's entry while requests are on it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "router/access_log.hpp"
#include "router/held_queue.hpp"
#include "router/routing.hpp"
#include "router/snapshot.hpp"
#include "router/standing.hpp"
#include "router/upstream.hpp"

namespace berth::router {

struct ReplicaHandle {
  explicit ReplicaHandle(const Replica& value);
  ~ReplicaHandle() { close_idle(); }
  ReplicaHandle(const ReplicaHandle&) = delete;
  ReplicaHandle& operator=(const ReplicaHandle&) = delete;

  void close_idle();

  const Replica replica;
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::uint32_t in_flight = 0;
  std::uint32_t idle_count = 0;
  List<Upstream, IdleTag> idle;      ///< the last used first
  List<Upstream, IdleTag> idle_http2;
  Standing standing;
  std::uint64_t sticky_token = 0;    ///< that the cookie has; of an app with a sticky_key
  bool canary = false;               ///< of a release that gets a part of the requests
  bool removed = false;              ///< no longer in the table; goes when nothing is in flight
};

struct AppHandle {
  AppHandle(AppRuntime& app_runtime, std::size_t thread)
      : runtime(app_runtime), shard(*app_runtime.shards[thread]), held(app_runtime.held) {}

  std::shared_ptr<const App> app;  ///< null: removed
  AppRuntime& runtime;
  AppShard& shard;
  std::vector<std::unique_ptr<ReplicaHandle>> replicas;  ///< canaries behind all others
  std::vector<std::unique_ptr<ReplicaHandle>> draining;
  HeldQueue<Exchange*> held;
  RetryBudget retries;
  /// Of Authorization fields that were found right: their hashes, the last one first.
  std::vector<std::uint64_t> known_passwords;
  AccessLog log;
  /// Of the replicas, those that are no canaries: without one, requests wait for them.
  [[nodiscard]] std::size_t regulars() const { return app ? app->replicas.size() : 0; }
  bool log_is_listed = false;  ///< the worker flushes it from time to time
};

}  // namespace berth::router
