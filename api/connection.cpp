// SPDX-License-Identifier: Apache-2.0
#include "api/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>

#include "base/crypto.hpp"

namespace berth::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t head_limit = 16 << 10;
constexpr std::size_t piece_bytes = 32 << 10;
constexpr std::size_t drain_limit = 1 << 20;
constexpr auto linger = std::chrono::seconds(2);

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Clients send a growing list of ids; it goes back as it came if it is plain.
bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= 8192 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ',' || c == ' ' || c == ':' || c == '/' || c == '=';
  });
}

/// A header's value cannot end the header.
std::string on_one_line(std::string value) {
  std::ranges::replace_if(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return value;
}

Error gone(const beast::error_code& failure) {
  return {ErrorKind::cancelled, "the client has gone: " + failure.message()};
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Dispatcher& dispatcher,
                       const Settings& settings)
    : executor_(socket.get_executor()),
      stream_(std::move(socket)),
      dispatcher_(dispatcher),
      settings_(settings) {
  beast::error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  peer_ = stream_.socket().remote_endpoint(ignored).address().to_string();
}

Task<void> Connection::run() {
  while (keep_ && !aborted_) {
    const bool readable = co_await read_head();
    if (!readable) break;
    answering_ = true;
    co_await answer_one();
    answering_ = false;
    if (upgraded_) co_return;
  }
  co_await close_gracefully();
}

Task<bool> Connection::read_head() {
  parser_.emplace();
  parser_->header_limit(head_limit);
  parser_->body_limit(boost::none);  // whoever reads the body counts
  stream_.expires_after(settings_.idle_timeout);
  const auto [failure, count] =
      co_await http::async_read_header(stream_, buffer_, *parser_, as_result);
  if (!failure) co_return true;
  const bool malformed =
      failure.category() == make_error_code(http::error::end_of_stream).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message;
  if (malformed && !aborted_) co_await refuse_head(failure);
  co_return false;
}

Task<void> Connection::refuse_head(beast::error_code failure) {
  begun_ = responded_ = false;
  keep_ = false;
  request_id_ = random_uuid();
  const bool too_long =
      failure == http::error::header_limit || failure == http::error::buffer_overflow;
  const Problem problem =
      too_long ? Problem(431, "bad_request", "the request's head is larger than 16 KiB")
               : bad_request("not an HTTP/1.1 request: " + failure.message());
  co_await respond(problem_response(problem));
}

Outcome<Request> Connection::request() const {
  const auto& message = parser_->get();
  // Two lengths, or a coding that we do not undo, are how requests are
  // smuggled: none is let through.
  const bool has_coding = message.find(http::field::transfer_encoding) != message.end();
  if (has_coding &&
      (!parser_->chunked() || message.find(http::field::content_length) != message.end()))
    return bad_request("Transfer-Encoding must be chunked, without Content-Length");
  if (message.count(http::field::host) != 1 && message.version() >= 11)
    return bad_request("one Host header is needed");
  Request request{.method = std::string(message.method_string()),
                  .target = std::string(message.target()),
                  .path = {},
                  .query = {},
                  .headers = {},
                  .peer = peer_,
                  .id = request_id_};
  // An absolute target (RFC 9112, section 3.2.2) names the host; nobody sends it to an origin.
  if (!request.target.starts_with('/'))
    return bad_request("the request's target must begin with /");
  const auto question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos)
    request.query = parse_query(std::string_view(request.target).substr(question + 1));
  for (const auto& field : message)
    request.headers.emplace_back(lower_case(view(field.name_string())),
                                 std::string(view(field.value())));
  // Only the router, on this machine, is believed about who the client is.
  const bool from_loopback = peer_ == "127.0.0.1" || peer_ == "::1";
  if (!from_loopback)
    std::erase_if(request.headers,
                  [](const auto& header) { return header.first == "x-forwarded-proto"; });
  const std::string_view forwarded = request.header("x-forwarded-for");
  if (from_loopback && !forwarded.empty()) {
    const auto comma = forwarded.rfind(',');
    std::string_view last =
        comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1);
    while (last.starts_with(' ')) last.remove_prefix(1);
    request.peer = std::string(last.substr(0, 64));
  }
  return request;
}

Task<void> Connection::answer_one() {
  begun_ = responded_ = chunked_ = continued_ = body_failed_ = watching_ = false;
  const std::string given(parser_->get()["Request-Id"]);
  request_id_ = is_plain_id(given) ? given : random_uuid();
  keep_ = keep_ && parser_->get().keep_alive();
  auto asked = request();
  if (asked.has_error()) {
    keep_ = false;
    co_await respond(problem_response(asked.error()));
    co_return;
  }
  co_await dispatcher_.serve(std::move(*asked), this);
  on_abort_ = nullptr;
  // Ends watch_for_abort(), the only operation that can be under way here.
  beast::error_code ignored;
  if (!upgraded_ && watching_ && !aborted_) stream_.socket().cancel(ignored);
  watching_ = false;
  if (begun_ && !responded_) keep_ = false;  // the answer was cut
  if (!upgraded_ && keep_) co_await drain_body();
}

Task<Result<std::string>> Connection::read_body() {
  if (body_failed_) co_return Error{ErrorKind::cancelled, "the body was cut"};
  const auto& message = parser_->get();
  if (!parser_->is_done() && !continued_ &&
      beast::iequals(message[http::field::expect], "100-continue")) {
    continued_ = true;
    constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(settings_.io_timeout);
    const auto [failure, count] =
        co_await asio::async_write(stream_, asio::buffer(text), as_result);
    if (failure) co_return gone(failure);
  }
  std::string piece(piece_bytes, '\0');
  while (!parser_->is_done()) {
    auto& body = parser_->get().body();
    body.data = piece.data();
    body.size = piece.size();
    body.more = true;
    stream_.expires_after(settings_.io_timeout);
    const auto [failure, count] =
        co_await http::async_read_some(stream_, buffer_, *parser_, as_result);
    const std::size_t left = parser_->get().body().size;
    if (failure && failure != http::error::need_buffer) {
      body_failed_ = true;
      keep_ = false;
      if (failure == http::error::partial_message || failure == asio::error::connection_reset ||
          failure == asio::error::operation_aborted || failure == beast::error::timeout)
        co_return gone(failure);
      co_return Error{ErrorKind::invalid, "the body is malformed: " + failure.message()};
    }
    if (left < piece.size()) {
      piece.resize(piece.size() - left);
      co_return piece;
    }
  }
  watch_for_abort();
  co_return std::string();
}

Task<void> Connection::drain_body() {
  const bool waits =
      !continued_ && beast::iequals(parser_->get()[http::field::expect], "100-continue");
  // A client that was never told to go on may or may not send the body: it cannot be told apart.
  if (!parser_->is_done() && waits) keep_ = false;
  std::size_t drained = 0;
  while (keep_ && !parser_->is_done()) {
    const auto piece = co_await read_body();
    if (piece.has_error() || piece->empty()) break;
    drained += piece->size();
    if (drained > drain_limit) keep_ = false;
  }
}

void Connection::add_common_headers(Headers& headers) const {
  const auto add = [&](std::string_view name, std::string_view value) {
    const bool there =
        std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
    if (!there) headers.emplace_back(name, value);
  };
  add("Request-Id", request_id_);
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Cache-Control", "no-store");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
}

Task<void> Connection::respond(Response response) {
  add_common_headers(response.headers);
  const bool head_only = parser_->get().method() == http::verb::head;
  const bool bodiless = response.status == 304 || response.status == 204;
  // A body that nobody will read to its end: better to close than to read on.
  if (!parser_->is_done() && !begun_ && response.status >= 400 && body_failed_) keep_ = false;
  http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
  for (auto& [name, value] : response.headers) message.insert(name, on_one_line(std::move(value)));
  message.keep_alive(keep_);
  if (!bodiless) message.content_length(response.body.size());
  if (!head_only && !bodiless) message.body() = std::move(response.body);
  begun_ = responded_ = true;
  http::response_serializer<http::string_body> serializer(message);
  stream_.expires_after(settings_.io_timeout);
  if (head_only) {
    const auto [failure, count] = co_await http::async_write_header(stream_, serializer, as_result);
    if (failure) keep_ = false;
    co_return;
  }
  const auto [failure, count] = co_await http::async_write(stream_, serializer, as_result);
  if (failure) keep_ = false;
}

Task<Result<void>> Connection::begin(Response head) {
  BERTH_ASSERT(!begun_);
  add_common_headers(head.headers);
  http::response<http::empty_body> message(static_cast<http::status>(head.status), 11);
  for (auto& [name, value] : head.headers) message.insert(name, on_one_line(std::move(value)));
  chunked_ = parser_->get().version() >= 11;
  if (!chunked_) keep_ = false;  // HTTP/1.0: the end of the connection is the end of the body
  message.chunked(chunked_);
  message.keep_alive(keep_);
  begun_ = true;
  http::response_serializer<http::empty_body> serializer(message);
  stream_.expires_after(settings_.io_timeout);
  const auto [failure, count] = co_await http::async_write_header(stream_, serializer, as_result);
  if (failure) co_return gone(failure);
  if (parser_->is_done()) watch_for_abort();
  co_return Result<void>();
}

Task<Result<void>> Connection::write(std::string data) {
  if (aborted_) co_return Error{ErrorKind::cancelled, "the client has gone"};
  if (data.empty()) co_return Result<void>();
  stream_.expires_after(settings_.io_timeout);
  if (chunked_) {
    const auto [failure, count] = co_await asio::async_write(
        stream_, http::make_chunk(asio::const_buffer(data.data(), data.size())), as_result);
    if (failure) co_return gone(failure);
    co_return Result<void>();
  }
  const auto [failure, count] = co_await asio::async_write(stream_, asio::buffer(data), as_result);
  if (failure) co_return gone(failure);
  co_return Result<void>();
}

Task<Result<void>> Connection::finish() {
  if (aborted_) co_return Error{ErrorKind::cancelled, "the client has gone"};
  responded_ = true;
  if (!chunked_) co_return Result<void>();
  stream_.expires_after(settings_.io_timeout);
  const auto [failure, count] =
      co_await asio::async_write(stream_, http::make_chunk_last(), as_result);
  if (!failure) co_return Result<void>();
  keep_ = false;
  co_return gone(failure);
}

Task<Result<std::unique_ptr<WebSocket>>> Connection::upgrade() {
  if (!beast::websocket::is_upgrade(parser_->get()) || buffer_.size() > 0)
    co_return Error{ErrorKind::invalid, "not a WebSocket handshake"};
  upgraded_ = begun_ = responded_ = true;
  watching_ = false;
  beast::error_code ignored;
  stream_.socket().cancel(ignored);
  auto socket = co_await accept_websocket(std::move(stream_), &parser_->get(), &close_websocket_);
  co_return socket;
}

void Connection::on_abort(std::function<void()> listener) {
  on_abort_ = std::move(listener);
  if (on_abort_ && parser_->is_done()) watch_for_abort();
}

/// While an answer is made or written nothing reads, so a client that closes would go unnoticed.
void Connection::watch_for_abort() {
  if (watching_ || !on_abort_ || upgraded_ || aborted_) return;
  watching_ = true;
  stream_.socket().async_wait(
      asio::ip::tcp::socket::wait_read,
      [self = shared_from_this()](const beast::error_code& failure) {
        if (failure || !self->watching_ || self->aborted_ || !self->stream_.socket().is_open())
          return;
        char byte;
        const ssize_t count =
            ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        // More bytes are the next request, already on its way: its sender is there.
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
          self->abort();
      });
}

void Connection::abort() {
  if (aborted_) return;
  aborted_ = true;
  keep_ = false;
  if (close_websocket_) close_websocket_();
  if (!upgraded_) stream_.close();
  if (const auto listener = std::exchange(on_abort_, nullptr)) listener();
}

void Connection::finish_soon() {
  keep_ = false;
  // A stream would never end by itself.
  if (!answering_ || on_abort_ || upgraded_) abort();
}

/// Closing with unread bytes would make the kernel send a reset, which can destroy the answer
/// before the client has read it: so first say that no more will come, then read what is under way.
Task<void> Connection::close_gracefully() {
  if (aborted_) co_return;
  beast::error_code ignored;
  const bool unread = (parser_ && !parser_->is_done()) || stream_.socket().available(ignored) > 0;
  if (!unread) {
    stream_.close();
    co_return;
  }
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(linger);
  std::string dropped(piece_bytes, '\0');
  for (std::size_t total = 0; total < drain_limit;) {
    const auto [failure, count] =
        co_await stream_.async_read_some(asio::buffer(dropped), as_result);
    if (failure) break;
    total += count;
  }
  stream_.close();
}

}  // namespace berth::api
