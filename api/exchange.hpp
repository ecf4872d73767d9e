// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer as streams: the port between handlers that read or write piece by
// piece and the connection below (connection.hpp, over Beast). All on the control plane's strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

#include "api/http.hpp"
#include "base/result.hpp"

namespace berth::api {

/// Coroutines' parameters are values; an awaitable completes on the strand.
template <class T>
using Task = boost::asio::awaitable<T>;

class WebSocket {
 public:
  struct Message {
    bool text = false;
    std::string data;
  };
  virtual ~WebSocket() = default;
  /// An error of kind `cancelled` when the peer has closed.
  virtual Task<Result<Message>> read() = 0;
  /// Not to be called again before it completed.
  virtual Task<Result<void>> write(Message message) = 0;
  virtual Task<void> close(std::string reason) = 0;
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  [[nodiscard]] virtual boost::asio::any_io_executor executor() = 0;

  /// The next piece of the body, "" at its end. Says `100 Continue` first if
  /// the client waits for it.
  virtual Task<Result<std::string>> read_body() = 0;

  /// A whole answer.
  virtual Task<void> respond(Response response) = 0;
  /// An answer in pieces: begin(), write()… (each goes out at once), finish().
  virtual Task<Result<void>> begin(Response head) = 0;
  virtual Task<Result<void>> write(std::string data) = 0;
  virtual Task<Result<void>> finish() = 0;
  [[nodiscard]] virtual bool begun() const = 0;

  virtual Task<Result<std::unique_ptr<WebSocket>>> upgrade() = 0;

  /// `listener` is called once when the client goes away or the server stops; from then on reads
  /// and writes fail. An empty function takes the listener away.
  virtual void on_abort(std::function<void()> listener) = 0;
  [[nodiscard]] virtual bool aborted() const = 0;
};

}  // namespace berth::api
