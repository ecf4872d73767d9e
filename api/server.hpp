// SPDX-License-Identifier: Apache-2.0
//
// The HTTP server of the control plane. Everything runs on the one executor that it is given, the
// control plane's strand: the store and the port are used there alone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

#include "api/control.hpp"
#include "api/render.hpp"
#include "api/settings.hpp"
#include "platform/store.hpp"

namespace berth::api {

/// What the server works on. The references outlive it.
struct Services {
  platform::Store& store;
  Control& control;
  Settings settings;
};

class Server final {
 public:
  Server(boost::asio::any_io_executor strand, Services services);
  ~Server();  ///< after stop(), or before start()

  /// Binds and begins to accept. A port that is taken is an error that says what to do.
  [[nodiscard]] Result<void> start();
  /// The port that is bound.
  [[nodiscard]] int port() const;
  /// No new connection; requests are answered to their end (`stop_grace`), streams are cut. Returns
  /// when every connection is closed.
  boost::asio::awaitable<void> stop();

  /// The shapes that live notices carry.
  [[nodiscard]] const Renderer& renderer() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::api
