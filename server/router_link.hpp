// SPDX-License-Identifier: Apache-2.0
//
// The control plane's end of the router's control socket (docs/decisions/0002): keeps the whole
// wanted table, sends it at each connect and its changes after, and passes on what the router
// tells. Re-connects by itself for as long as it lives. Used on the control plane's strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/certificate.hpp"
#include "base/json.hpp"

namespace berth::server {

class RouterLink final {
 public:
  struct Listener {
    /// Connected, the snapshot is sent; `restarted`: another process than the one before.
    std::function<void(bool restarted)> on_connected = {};
    std::function<void(const std::string& replica)> on_drained = {};
    std::function<void(const std::string& app)> on_wake = {};
    std::function<void(const json::object& samples)> on_samples = {};
  };

  RouterLink(boost::asio::any_io_executor strand, std::filesystem::path socket);
  ~RouterLink();

  void start(Listener listener);
  /// Disconnects and waits until nothing of it runs any more.
  boost::asio::awaitable<void> stop();

  /// Idempotent: an app or host that is as it was is not sent again.
  void put_app(const std::string& name, json::object app);
  void remove_app(const std::string& name);
  void put_host(const std::string& host, const std::string& app);
  void remove_host(const std::string& host);
  void put_certificate(const std::string& name, json::object certificate);
  void remove_certificate(const std::string& name);
  /// What a certificate authority reads at /.well-known/acme-challenge/TOKEN of any host. Gone with
  /// the connection: it is wanted for seconds.
  void put_challenge(const std::string& token, const std::string& proof);
  void remove_challenge(const std::string& token);
  /// The same by TLS: the certificate that it is shown for the host.
  void put_tls_challenge(const std::string& host, const CertificatePem& pem);
  void remove_tls_challenge(const std::string& host);
  [[nodiscard]] const std::map<std::string, std::string>& hosts() const;

  [[nodiscard]] bool connected() const;
  /// What `GET /status` shows.
  [[nodiscard]] json::object status() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
