// SPDX-License-Identifier: Apache-2.0
//
// One client connection: reads requests with Beast, hands them to the dispatcher,
// writes answers, keeps the connection for the next. Limits and deadlines are here.
// Include it in the fewest of units.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/dispatcher.hpp"
#include "api/exchange.hpp"

namespace berth::api {

class Connection final : public Exchange, public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, Dispatcher& dispatcher, const Settings& settings);

  /// Until the client or the server closes. The caller keeps the connection alive meanwhile.
  Task<void> run();
  /// No further request; closes at once if none is being answered.
  void finish_soon();
  /// Closes now and tells whoever is answering.
  void abort();

  boost::asio::any_io_executor executor() override { return executor_; }
  Task<Result<std::string>> read_body() override;
  Task<void> respond(Response response) override;
  Task<Result<void>> begin(Response head) override;
  Task<Result<void>> write(std::string data) override;
  Task<Result<void>> finish() override;
  [[nodiscard]] bool begun() const override { return begun_; }
  Task<Result<std::unique_ptr<WebSocket>>> upgrade() override;
  void on_abort(std::function<void()> listener) override;
  [[nodiscard]] bool aborted() const override { return aborted_; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  Task<bool> read_head();
  Task<void> answer_one();
  Task<void> refuse_head(boost::beast::error_code failure);
  Task<void> drain_body();
  Task<void> close_gracefully();
  [[nodiscard]] Outcome<Request> request() const;
  void watch_for_abort();
  void add_common_headers(Headers& headers) const;

  boost::asio::any_io_executor executor_;  ///< the stream's own goes with it at an upgrade
  boost::beast::tcp_stream stream_;
  Dispatcher& dispatcher_;
  const Settings& settings_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string peer_;
  std::string request_id_;
  std::function<void()> on_abort_;
  std::function<void()> close_websocket_;
  bool answering_ = false;
  bool keep_ = true;
  bool begun_ = false;
  bool chunked_ = false;
  bool responded_ = false;
  bool upgraded_ = false;
  bool aborted_ = false;
  bool watching_ = false;
  bool continued_ = false;
  bool body_failed_ = false;
};

/// In websocket.cpp, the other Beast unit. `close` becomes a way to end it at once.
Task<Result<std::unique_ptr<WebSocket>>> accept_websocket(
    boost::beast::tcp_stream stream,
    const boost::beast::http::request<boost::beast::http::buffer_body>* request,
    std::function<void()>* close);

}  // namespace berth::api
