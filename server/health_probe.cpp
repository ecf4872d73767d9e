// SPDX-License-Identifier: Apache-2.0
#include "server/health_probe.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/engine/attach_frame.hpp"
#include "server/offload.hpp"

namespace berth::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using platform::HealthCheck;
using runtime::AttachFrame;
using runtime::HealthAnswer;

namespace {

constexpr std::size_t longest_body = 1 << 20;
constexpr std::size_t shown_output = 200;

std::string seconds_text(Duration time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

/// What an answer's text or a program's output ends with, on one line.
std::string shown(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  if (const auto line = text.rfind('\n'); line != text.npos) text.remove_prefix(line + 1);
  std::string result(text.substr(0, shown_output));
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return result;
}

HealthAnswer failed_to(const HealthCheck& check, std::string_view what,
                       const boost::system::error_code& failure) {
  if (failure == beast::error::timeout || failure == asio::error::timed_out)
    return {false, "gave no answer within " + seconds_text(check.timeout)};
  if (failure == asio::error::connection_refused)
    return {false, "was refused: nobody listens there"};
  return {false, fmt::format("failed to {}: {}", what, failure.message())};
}

http::request<http::empty_body> request_of(const HealthCheck& check, const std::string& host) {
  http::request<http::empty_body> request(http::verb::get, check.path, 11);
  request.set(http::field::host, host);
  request.set(http::field::user_agent, "berth-health-check");
  request.set(http::field::accept, "*/*");
  request.set(http::field::connection, "close");
  for (const auto& [name, value] : check.headers) request.set(name, value);
  return request;
}

asio::awaitable<HealthAnswer> ask(HealthTarget target, HealthCheck check,
                                  std::shared_ptr<HealthTry> attempt) {
  const auto executor = co_await asio::this_coro::executor;
  beast::tcp_stream stream(executor);
  attempt->end = [&stream] { stream.cancel(); };
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(target.endpoint.address, failure);
  const int port = check.port != 0 ? check.port : target.endpoint.port;
  if (failure || port == 0) co_return HealthAnswer{false, "has no address"};
  stream.expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(check.timeout));
  const asio::ip::tcp::endpoint endpoint(address, static_cast<std::uint16_t>(port));
  co_await stream.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return failed_to(check, "connect", failure);
  if (check.kind == HealthCheck::Kind::tcp) co_return HealthAnswer{true, "was accepted"};
  const auto request = request_of(check, target.host);
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return failed_to(check, "ask", failure);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(longest_body);
  // The head is the answer; the body counts only where something is looked for in it.
  if (check.content.empty())
    co_await http::async_read_header(stream, buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, failure));
  else
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return failed_to(check, "read the answer", failure);
  const unsigned status = parser.get().result_int();
  if (status < 200 || status >= 400)
    co_return HealthAnswer{false, fmt::format("answered {}", status)};
  if (!check.content.empty() && parser.get().body().find(check.content) == std::string::npos)
    co_return HealthAnswer{false,
                           fmt::format("answered {}, without '{}' in it", status, check.content)};
  co_return HealthAnswer{true, fmt::format("answered {}", status)};
}

/// The frames of a program until it has ended, or its time is up.
class Frames final {
 public:
  using Socket = asio::local::stream_protocol::socket;

  Frames(asio::any_io_executor executor, Fd socket) : socket_(std::move(executor)) {
    socket_.assign(asio::local::stream_protocol(), socket.release());
  }

  /// The program's exit, or nothing if its connection ended before.
  asio::awaitable<std::optional<std::pair<int, int>>> read() {
    boost::system::error_code failure;
    for (;;) {
      std::string header(5, '\0');
      co_await asio::async_read(socket_, asio::buffer(header),
                                asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return std::nullopt;
      std::uint32_t size = 0;
      for (std::size_t i = 1; i < header.size(); ++i)
        size = size << 8 | static_cast<unsigned char>(header[i]);
      if (size > runtime::attach_frame_limit) co_return std::nullopt;
      std::string payload(size, '\0');
      co_await asio::async_read(socket_, asio::buffer(payload),
                                asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return std::nullopt;
      if (header[0] == static_cast<char>(AttachFrame::exit) && size >= 2)
        co_return std::pair<int, int>{static_cast<unsigned char>(payload[0]),
                                      static_cast<unsigned char>(payload[1])};
      output += payload;
      if (output.size() > 4096) output.erase(0, output.size() - 4096);
    }
  }
  /// Ends the program, too.
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  std::string output;  ///< the end of it
  bool late = false;

 private:
  Socket socket_;
};

std::vector<std::string> arguments_of(const HealthCheck& check, bool has_launcher) {
  std::vector<std::string> result;
  if (has_launcher) result = {"/cnb/lifecycle/launcher", "--"};
  if (check.command.size() == 1)
    result.insert(result.end(), {has_launcher ? "bash" : "/bin/sh", "-c"});
  result.insert(result.end(), check.command.begin(), check.command.end());
  return result;
}

asio::awaitable<HealthAnswer> run(asio::thread_pool& pool, runtime::Engine& engine,
                                  HealthTarget target, HealthCheck check,
                                  std::shared_ptr<HealthTry> attempt) {
  const auto executor = co_await asio::this_coro::executor;
  auto socket = co_await offload(
      pool, [&engine, target, arguments = arguments_of(check, target.has_launcher)] {
        return std::make_shared<Result<Fd>>(engine.exec(target.id, {.argv = arguments}));
      });
  if (socket->has_error())
    co_return HealthAnswer{false, "did not start: " + socket->error().message};
  const auto frames = std::make_shared<Frames>(executor, std::move(**socket));
  attempt->end = [frames] { frames->close(); };
  asio::steady_timer timer(executor, check.timeout);
  timer.async_wait([frames](boost::system::error_code cancelled) {
    if (cancelled) return;
    frames->late = true;
    frames->close();
  });
  const auto exit = co_await frames->read();
  timer.cancel();
  if (frames->late)
    co_return HealthAnswer{false, "did not end within " + seconds_text(check.timeout)};
  if (!exit) co_return HealthAnswer{false, "ended with its replica"};
  const auto [code, signal] = *exit;
  std::string what = signal != 0 ? fmt::format("was ended by signal {}", signal)
                                 : fmt::format("exited with status {}", code);
  if (const std::string last = shown(frames->output); !last.empty()) what += ": " + last;
  co_return HealthAnswer{code == 0 && signal == 0, what};
}

}  // namespace

asio::awaitable<HealthAnswer> probe(asio::thread_pool& pool, runtime::Engine& engine,
                                    HealthTarget target, HealthCheck check,
                                    std::shared_ptr<HealthTry> attempt) {
  HealthAnswer answer{true, "are over"};
  if (check.kind == HealthCheck::Kind::command)
    answer = co_await run(pool, engine, std::move(target), std::move(check), attempt);
  else if (check.kind != HealthCheck::Kind::uptime)
    answer = co_await ask(std::move(target), std::move(check), attempt);
  attempt->end = {};  // it refers to what is gone
  co_return answer;
}

}  // namespace berth::server
