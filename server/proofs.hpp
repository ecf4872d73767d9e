// SPDX-License-Identifier: Apache-2.0
//
// Shows a certificate authority what proves that a domain leads here, and looks by itself first, in
// the same way: an authority allows few failures. Blocking, for a thread of the pool; what the
// router is told is told on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "base/acme.hpp"
#include "platform/config.hpp"
#include "server/router_link.hpp"

namespace berth::server {

class Proofs final {
 public:
  /// No look goes on once `stopped` is set.
  Proofs(boost::asio::any_io_executor strand, const platform::Config::Acme& config,
         RouterLink& router, const std::atomic<bool>& stopped);

  /// An error says why the authority would not see it. Either way withdraw() follows.
  [[nodiscard]] Result<void> show(const AcmeChallenge& challenge) const;
  void withdraw(const AcmeChallenge& challenge) const;

 private:
  [[nodiscard]] Result<void> show_by_http(const AcmeChallenge& challenge) const;
  [[nodiscard]] Result<void> show_by_tls(const AcmeChallenge& challenge) const;
  [[nodiscard]] Result<void> show_by_dns(const AcmeChallenge& challenge) const;
  /// Looks until `why_not` gives "", and gives what it says last.
  [[nodiscard]] std::string look(std::chrono::steady_clock::time_point end,
                                 std::chrono::milliseconds every,
                                 const std::function<std::string()>& why_not) const;

  boost::asio::any_io_executor strand_;
  const platform::Config::Acme& config_;
  RouterLink& router_;
  const std::atomic<bool>& stopped_;
};

}  // namespace berth::server
