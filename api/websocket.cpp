// SPDX-License-Identifier: Apache-2.0
//
// Beast's WebSocket behind our interface, in a unit of its own: it is the slowest to compile.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "api/connection.hpp"

namespace berth::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t longest_message = 1 << 20;

using Stream = websocket::stream<beast::tcp_stream>;

Error gone(const beast::error_code& failure) {
  return {ErrorKind::cancelled, "the client has gone: " + failure.message()};
}

class BeastWebSocket final : public WebSocket {
 public:
  explicit BeastWebSocket(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~BeastWebSocket() override { beast::get_lowest_layer(*stream_).close(); }

  Task<Result<Message>> read() override {
    buffer_.clear();
    const auto [failure, count] = co_await stream_->async_read(buffer_, as_result);
    if (failure) co_return gone(failure);
    co_return Message{.text = stream_->got_text(),
                      .data = beast::buffers_to_string(buffer_.data())};
  }

  Task<Result<void>> write(Message message) override {
    stream_->text(message.text);
    const auto [failure, count] =
        co_await stream_->async_write(asio::buffer(message.data), as_result);
    if (failure) co_return gone(failure);
    co_return Result<void>();
  }

  Task<void> close(std::string reason) override {
    const websocket::close_reason why(
        reason.empty() ? websocket::close_code::normal : websocket::close_code::going_away,
        reason.substr(0, 120));
    if (stream_->is_open()) co_await stream_->async_close(why, as_result);
    beast::get_lowest_layer(*stream_).close();
  }

 private:
  std::shared_ptr<Stream> stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

Task<Result<std::unique_ptr<WebSocket>>> accept_websocket(
    beast::tcp_stream stream, const http::request<http::buffer_body>* request,
    std::function<void()>* close) {
  stream.expires_never();  // the WebSocket has deadlines of its own
  auto socket = std::make_shared<Stream>(std::move(stream));
  auto timeout = websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeout.keep_alive_pings = true;
  socket->set_option(timeout);
  socket->read_message_max(longest_message);
  *close = [weak = std::weak_ptr(socket)] {
    if (const auto open = weak.lock()) beast::get_lowest_layer(*open).close();
  };
  const auto [failure] = co_await socket->async_accept(*request, as_result);
  if (failure) co_return gone(failure);
  co_return std::unique_ptr<WebSocket>(std::make_unique<BeastWebSocket>(socket));
}

}  // namespace berth::api
