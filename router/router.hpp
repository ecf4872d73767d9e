// SPDX-License-Identifier: Apache-2.0
//
// The HTTP data plane as a process role (run) and as an object inside a test (Router). It serves by
// the table that the control plane sends over a Unix socket, and by the last one from a file when
// that is gone (docs/decisions/0002).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::router {

/// How threads wait for connections.
enum class Io : std::uint8_t {
  automatic,  ///< epoll: docs/decisions/0015 says why
  epoll,
  io_uring,   ///< epoll where the host does not allow it
};

struct Options {
  std::vector<std::string> listen = {"0.0.0.0:8080"};
  std::vector<std::string> listen_https = {};  ///< with the certificates of the table
  std::filesystem::path control_socket = {};
  std::filesystem::path table_file = {};  ///< empty: not kept
  unsigned threads = 0;                   ///< 0: one a CPU
  Io io = Io::automatic;
  std::string admin_listen = {};          ///< "127.0.0.1:9091" for /metrics; empty: off
  /// Networks of proxies before the router, whose X-Forwarded-For and -Proto are believed.
  std::vector<std::string> trusted_proxies = {};
  /// Networks whose connections begin with a header of the PROXY protocol.
  std::vector<std::string> proxy_protocol = {};
  unsigned max_connections_per_address = 0;  ///< 0: any number
  /// Take the place of the router that has the control socket (handover.hpp).
  bool replace = false;
  /// How long a router that was replaced may live for what is connected to it.
  std::chrono::milliseconds retire_timeout = std::chrono::hours(1);
  /// It was replaced, and its last connection has ended, or the time is up, or the router after it
  /// has ended. On a thread of its own.
  std::function<void()> on_retired = {};
  /// How long requests in flight may take after SIGTERM.
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
  /// A kept connection without a request.
  std::chrono::milliseconds client_idle_timeout = std::chrono::seconds(75);
  /// From the first byte of a request head to its end.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(15);
  /// From the connection to the end of its TLS handshake.
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
};

class Router final {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Router>> start(const Options& options);
  /// As stop() without waiting for requests in flight.
  ~Router();

  /// The bound port of each address of Options::listen.
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const;
  [[nodiscard]] const std::vector<std::uint16_t>& https_ports() const;
  [[nodiscard]] std::uint16_t admin_port() const;
  /// Accepts no more, lets requests in flight end until the drain timeout, then ends.
  void stop();

 private:
  class Core;
  explicit Router(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

/// Blocks until SIGTERM or SIGINT; returns the exit status. Call before any
/// other thread is started.
[[nodiscard]] int run(const Options& options);

}  // namespace berth::router
