// SPDX-License-Identifier: Apache-2.0
//
// GET /metrics for Prometheus, on an address of its own that the public does not reach. A few
// connections at most, one request each, inside the control thread's poll.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/snapshot.hpp"
#include "router/worker.hpp"

namespace berth::router {

/// All counters in Prometheus' text format.
[[nodiscard]] std::string metrics_text(const std::vector<std::unique_ptr<AppRuntime>>& apps,
                                       const std::vector<Worker*>& workers, std::uint64_t version);

class Admin final {
 public:
  /// `inherited`: what listens there already, or nothing.
  [[nodiscard]] static Result<std::unique_ptr<Admin>> open(std::string_view address,
                                                           std::vector<Fd> inherited = {});
  [[nodiscard]] int listener() const { return listener_.get(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void add_to(std::vector<pollfd>& polled) const;
  /// Does what is possible without waiting.
  void work(const std::function<std::string()>& metrics);

 private:
  struct Connection {
    Fd socket;
    std::string input;
    std::string output;
    bool answered = false;
  };
  static constexpr std::size_t max_connections = 16;

  Admin() = default;
  /// False when the connection is done.
  [[nodiscard]] static bool advance(Connection& connection,
                                    const std::function<std::string()>& metrics);

  std::uint16_t port_ = 0;
  Fd listener_;
  std::vector<Connection> connections_;
};

}  // namespace berth::router
