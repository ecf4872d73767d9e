// SPDX-License-Identifier: Apache-2.0
//
// Tries the health checks of the replicas that run and keeps what they came to (runtime/health).
// Used on the strand; what changed is told there, and the controller decides.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/engine/engine.hpp"
#include "runtime/health/health.hpp"
#include "server/health_probe.hpp"

namespace berth::server {

class HealthWatch final {
 public:
  /// After an answer that changed something; the notices are for the app's log.
  using Changed =
      std::function<void(const runtime::ReplicaId&, const std::vector<runtime::Health::Notice>&)>;

  HealthWatch(boost::asio::any_io_executor strand, boost::asio::thread_pool& pool,
              runtime::Engine& engine, Changed changed);

  /// Once the replica listens.
  void begin(const HealthTarget& target, runtime::Health health);
  void forget(const runtime::ReplicaId& id);
  /// Nothing if it is not watched.
  [[nodiscard]] const runtime::Health* find(const runtime::ReplicaId& id) const;
  /// Ends every try, then returns.
  boost::asio::awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
