// SPDX-License-Identifier: Apache-2.0
//
// Brings certificates for the domains of apps that asked for it, from the authority of
// acme.directory, and renews them: one at a time, spread by jitter, ever later after failures. Used
// on the strand; the conversation with the authority is on the pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <string>

#include "base/tasks.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/proofs.hpp"
#include "server/router_link.hpp"

namespace berth::server {

struct AutomaticCertificatesParts {
  boost::asio::any_io_executor strand;
  boost::asio::thread_pool& pool;
  const platform::Config& config;
  platform::Store& store;
  RouterLink& router;
  std::function<void(const platform::AppId&)> changed;  ///< an app has another certificate
};

class AutomaticCertificates final {
 public:
  explicit AutomaticCertificates(AutomaticCertificatesParts parts);

  /// Does nothing unless HTTPS is on and there is an authority.
  [[nodiscard]] Result<void> start();
  /// Breaks off an order under way.
  boost::asio::awaitable<void> stop();

 private:
  boost::asio::awaitable<void> run();
  [[nodiscard]] std::optional<platform::Domain> due(Time at);
  boost::asio::awaitable<void> order(platform::Domain domain);

  AutomaticCertificatesParts parts_;
  Wakeup wakeup_;
  TaskGroup tasks_;
  std::string account_key_;
  std::atomic<bool> stopped_{false};
  Proofs proofs_;
};

}  // namespace berth::server
