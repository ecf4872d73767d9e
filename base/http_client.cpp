// SPDX-License-Identifier: Apache-2.0
#include "base/http_client.hpp"

#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/url/parse.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace berth {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

Result<Url> Url::parse(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size()));
  if (!parsed) return Error{ErrorKind::invalid, "not a URL: '" + std::string(text) + "'"};
  Url url;
  url.scheme = std::string(parsed->scheme());
  if (url.scheme != "http" && url.scheme != "https")
    return Error{ErrorKind::invalid,
                 "URL must start with http:// or https://: '" + std::string(text) + "'"};
  url.host = std::string(parsed->encoded_host());
  url.port = url.scheme == "https" ? 443 : 80;
  if (const std::string port(parsed->port()); !port.empty()) {
    // Not port_number(): Boost 1.81 gives anything for a port beyond 65535.
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (failure != std::errc{} || url.port > 65535) url.port = 0;
  }
  if (url.host.empty() || url.port == 0)
    return Error{ErrorKind::invalid,
                 "the URL has no valid host and port: '" + std::string(text) + "'"};
  url.target = std::string(parsed->encoded_target());
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, 1, '/');
  return url;
}

std::string HttpResponse::header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? std::string() : found->second;
}

bool is_localhost(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

namespace {

constexpr std::size_t max_body_bytes = 256U << 20;

/// Runs one asynchronous step to its end on a private context; Beast's
/// deadlines only work that way.
class Exchange {
 public:
  explicit Exchange(const HttpRequest& request)
      : request_(request), end_(std::chrono::steady_clock::now() + request.deadline) {}

  Result<HttpResponse> run() {
    if (request_.url.scheme == "https") {
      asio::ssl::context tls(asio::ssl::context::tls_client);
      tls.set_default_verify_paths();
      if (!request_.trusted.empty()) tls.load_verify_file(request_.trusted.string());
      beast::ssl_stream<beast::tcp_stream> stream(context_, tls);
      BERTH_TRY(connect(beast::get_lowest_layer(stream)));
      if (!SSL_set_tlsext_host_name(stream.native_handle(), request_.url.host.c_str()))
        return Error{ErrorKind::internal, where() + ": set TLS server name"};
      stream.set_verify_mode(asio::ssl::verify_peer);
      stream.set_verify_callback(asio::ssl::host_name_verification(request_.url.host));
      BERTH_TRY(step(beast::get_lowest_layer(stream), "TLS handshake", [&](auto done) {
        stream.async_handshake(asio::ssl::stream_base::client,
                               [done](beast::error_code code) { done(code); });
      }));
      return converse(stream);
    }
    beast::tcp_stream stream(context_);
    BERTH_TRY(connect(stream));
    return converse(stream);
  }

 private:
  [[nodiscard]] std::string where() const {
    return request_.method + " " + request_.url.scheme + "://" + request_.url.host + ":" +
           std::to_string(request_.url.port) + request_.url.target;
  }

  template <class Start>
  Result<void> step(beast::tcp_stream& layer, std::string_view what, Start start) {
    if (waits_for_more_)
      layer.expires_after(request_.deadline);
    else
      layer.expires_at(end_);
    std::optional<beast::error_code> outcome;
    start([&outcome](beast::error_code code) { outcome = code; });
    context_.restart();
    context_.run();
    BERTH_ASSERT(outcome.has_value());
    if (!*outcome) return {};
    if (*outcome == beast::error::timeout)
      return Error{ErrorKind::timeout, where() + ": no answer within " +
                                           std::to_string(request_.deadline.count()) + " ms"};
    return Error{ErrorKind::unavailable,
                 where() + ": " + std::string(what) + ": " + outcome->message()};
  }

  Result<void> connect(beast::tcp_stream& stream) {
    std::vector<asio::ip::tcp::endpoint> endpoints;
    const auto port = static_cast<unsigned short>(request_.url.port);
    if (is_localhost(request_.url.host)) {
      endpoints = {{asio::ip::address_v4::loopback(), port},
                   {asio::ip::address_v6::loopback(), port}};
    } else {
      asio::ip::tcp::resolver resolver(context_);
      beast::error_code code;
      std::string host = request_.url.host;
      if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
      for (const auto& entry : resolver.resolve(host, std::to_string(port), code))
        endpoints.push_back(entry.endpoint());
      if (code) return Error{ErrorKind::unavailable, where() + ": resolve: " + code.message()};
    }
    return step(stream, "connect", [&](auto done) {
      stream.async_connect(endpoints, [done](beast::error_code code, const auto&) { done(code); });
    });
  }

  template <class Body>
  [[nodiscard]] http::request<Body> head() const {
    http::request<Body> message(http::string_to_verb(request_.method), request_.url.target, 11);
    const bool default_port = request_.url.port == (request_.url.scheme == "https" ? 443 : 80);
    message.set(http::field::host,
                default_port ? request_.url.host
                             : request_.url.host + ":" + std::to_string(request_.url.port));
    message.set(http::field::user_agent, "berth/" BERTH_VERSION);
    for (const auto& [name, value] : request_.headers) message.set(name, value);
    return message;
  }

  template <class Stream, class Body>
  Result<void> send(Stream& stream, http::request<Body>& message) {
    message.prepare_payload();
    return step(beast::get_lowest_layer(stream), "send", [&](auto done) {
      http::async_write(stream, message,
                        [done](beast::error_code code, std::size_t) { done(code); });
    });
  }

  template <class Stream>
  Result<HttpResponse> converse(Stream& stream) {
    auto& layer = beast::get_lowest_layer(stream);
    if (request_.body_file.empty()) {
      auto message = head<http::string_body>();
      message.body() = request_.body;
      BERTH_TRY(send(stream, message));
    } else {
      auto message = head<http::file_body>();
      beast::error_code failure;
      message.body().open(request_.body_file.c_str(), beast::file_mode::scan, failure);
      if (failure)
        return Error{ErrorKind::io,
                     "read " + request_.body_file.string() + ": " + failure.message()};
      // Who is refused in the middle of a large body is told why all the same.
      const auto sent = send(stream, message);
      if (sent.has_error() && sent.error().kind != ErrorKind::unavailable) return sent.error();
    }

    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    parser.header_limit(64 << 10);
    if (request_.method == "HEAD") parser.skip(true);
    BERTH_TRY(step(layer, "receive", [&](auto done) {
      http::async_read_header(stream, buffer, parser,
                              [done](beast::error_code code, std::size_t) { done(code); });
    }));
    HttpResponse response;
    response.status = parser.get().result_int();
    for (const auto& field : parser.get()) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      auto& value = response.headers[name];
      if (!value.empty()) value += ", ";
      value += std::string(field.value());
    }
    const bool streaming = request_.on_data && response.status / 100 == 2;
    waits_for_more_ = streaming;
    char chunk[16384];
    while (!parser.is_done()) {
      parser.get().body().data = chunk;
      parser.get().body().size = sizeof chunk;
      parser.get().body().more = true;
      BERTH_TRY(step(layer, "receive", [&](auto done) {
        http::async_read_some(stream, buffer, parser, [done](beast::error_code code, std::size_t) {
          // need_buffer: the chunk is full, not a failure.
          done(code == http::error::need_buffer ? beast::error_code{} : code);
        });
      }));
      const std::string_view data(chunk, sizeof chunk - parser.get().body().size);
      if (streaming) {
        if (!data.empty() && !request_.on_data(data)) break;
        continue;
      }
      if (response.body.size() + data.size() > max_body_bytes)
        return Error{ErrorKind::limit, where() + ": the response is too large"};
      response.body.append(data);
    }
    return response;
  }

  const HttpRequest& request_;
  const std::chrono::steady_clock::time_point end_;
  bool waits_for_more_ = false;  ///< a stream: the deadline counts anew for each wait
  asio::io_context context_;
};

}  // namespace

Result<HttpResponse> http_request(const HttpRequest& request) {
  try {
    return Exchange(request).run();
  } catch (const std::exception& failure) {
    return Error{ErrorKind::internal,
                 request.method + " " + request.url.host + ": " + failure.what()};
  }
}

}  // namespace berth
