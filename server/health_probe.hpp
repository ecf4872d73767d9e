// SPDX-License-Identifier: Apache-2.0
//
// One try of one health check, over the network or in the replica. Beast stays inside the .cpp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <string>

#include "platform/health_check.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/health/health.hpp"

namespace berth::server {

struct HealthTarget {
  runtime::ReplicaId id;
  std::string host;             ///< the app's own, for the request's head
  runtime::Endpoint endpoint;   ///< where the replica listens; without a port, only its address
  bool has_launcher = false;    ///< commands get the environment that its processes have
};

/// A try under way: whoever calls `end`, if it is set, has its answer soon.
struct HealthTry {
  std::function<void()> end;
};

/// Always answers within the check's timeout, or a little more where a program has to be killed.
boost::asio::awaitable<runtime::HealthAnswer> probe(boost::asio::thread_pool& pool,
                                                    runtime::Engine& engine, HealthTarget target,
                                                    platform::HealthCheck check,
                                                    std::shared_ptr<HealthTry> attempt);

}  // namespace berth::server
