// SPDX-License-Identifier: Apache-2.0
#include "cli/attach.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <csignal>
#include <deque>
#include <optional>

#include "base/file.hpp"
#include "base/http_client.hpp"
#include "base/json.hpp"
#include "cli/terminal.hpp"

namespace berth::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using beast::error_code;

/// Descriptor 0, read only when it has something: its mode is never changed, since the shell that
/// started us shares it. Files, which epoll does not take, are always ready.
class Input {
 public:
  explicit Input(asio::io_context& context) : context_(context), descriptor_(context) {
    error_code code;
    const int copy = ::dup(STDIN_FILENO);
    if (copy < 0) return;
    descriptor_.assign(copy, code);
    if (code) ::close(copy);
  }

  template <class Handler>
  void when_ready(Handler handler) {
    if (descriptor_.is_open())
      descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [handler](error_code code) {
        handler(!code || code == asio::error::operation_not_supported);
      });
    else
      asio::post(context_, [handler] { handler(true); });
  }

  void cancel() {
    error_code ignored;
    descriptor_.cancel(ignored);
  }

 private:
  asio::io_context& context_;
  asio::posix::stream_descriptor descriptor_;
};

/// One attachment, driven by callbacks on a context of its own. Writes stand in a queue, since a
/// WebSocket takes one at a time, and input is read only while the queue is empty.
class AttachLoop {
 public:
  AttachLoop(Url url, bool terminal)
      : url_(std::move(url)),
        terminal_(terminal),
        socket_(context_),
        input_(context_),
        signals_(context_) {}

  Outcome<int> run() {
    BERTH_TRY(connect());
    watch_signals();
    if (terminal_) {
      BERTH_ASSIGN(RawTerminal raw, RawTerminal::enter(STDIN_FILENO));
      raw_.emplace(std::move(raw));
    }
    if (terminal_) send_size();
    read_message();
    read_input();
    context_.restart();
    context_.run();
    raw_.reset();
    if (exit_code_) return *exit_code_;
    if (signalled_) return 128 + signalled_;
    return failed("The connection to the one-off was lost (" + why_ + ").", {},
                  ExitCode::unreachable);
  }

 private:
  Outcome<void> connect() {
    const auto port = static_cast<unsigned short>(url_.port);
    std::vector<asio::ip::tcp::endpoint> endpoints;
    error_code code;
    if (url_.host == "localhost" || url_.host.ends_with(".localhost")) {
      endpoints = {{asio::ip::address_v4::loopback(), port},
                   {asio::ip::address_v6::loopback(), port}};
    } else {
      std::string host = url_.host;
      if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
      asio::ip::tcp::resolver resolver(context_);
      for (const auto& entry : resolver.resolve(host, std::to_string(port), code))
        endpoints.push_back(entry.endpoint());
    }
    auto& tcp = beast::get_lowest_layer(socket_);
    if (!code) {
      tcp.expires_after(std::chrono::seconds(15));
      tcp.async_connect(endpoints, [&code](error_code result, const auto&) { code = result; });
      context_.run();
    }
    if (!code) {
      tcp.expires_never();
      // Pings keep the way through proxies open and find a peer that is gone.
      auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::client);
      timeouts.idle_timeout = std::chrono::seconds(60);
      timeouts.keep_alive_pings = true;
      socket_.set_option(timeouts);
      socket_.read_message_max(16 << 20);
      socket_.auto_fragment(false);
      socket_.async_handshake(url_.host + ":" + std::to_string(url_.port), url_.target,
                              [&code](error_code result) { code = result; });
      context_.restart();
      context_.run();
    }
    if (!code) return {};
    return failed("The one-off cannot be attached to at " + url_.host + ":" +
                      std::to_string(url_.port) + " (" + code.message() + ").",
                  {}, ExitCode::unreachable);
  }

  void watch_signals() {
    // A hang-up or a request to end must find the terminal restored; Ctrl-C without raw mode is
    // meant for the one-off.
    for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) signals_.add(signal);
    if (terminal_) signals_.add(SIGWINCH);
    next_signal();
  }

  void next_signal() {
    signals_.async_wait([this](error_code code, int signal) {
      if (code) return;
      if (signal == SIGWINCH) {
        send_size();
      } else if (signal == SIGINT && !interrupted_) {
        interrupted_ = true;  // The second one is meant for us.
        send_text(json::object{{"signal", "INT"}});
      } else {
        signalled_ = signal;
        stop();
        return;
      }
      next_signal();
    });
  }

  void send_size() {
    const TerminalSize size = terminal_size(STDIN_FILENO);
    send_text(json::object{{"resize", json::array{size.columns, size.rows}}});
  }

  void send_text(const json::object& message) {
    send({.binary = false, .bytes = to_text(message)});
  }

  struct Message {
    bool binary = true;
    std::string bytes;
  };

  void send(Message message) {
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) write_next();
  }

  void write_next() {
    socket_.binary(queue_.front().binary);
    socket_.async_write(asio::buffer(queue_.front().bytes), [this](error_code code, std::size_t) {
      // A one-off that ended reads no more; what it said last is still on its way to us.
      if (code) return;
      queue_.pop_front();
      if (!queue_.empty()) return write_next();
      if (!input_ended_ && !input_waits_) read_input();
    });
  }

  void read_input() {
    input_waits_ = true;
    input_.when_ready([this](bool ready) {
      input_waits_ = false;
      if (!ready || done_) return;
      char buffer[16384];
      const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) return read_input();
      if (count > 0)
        return send(
            {.binary = true, .bytes = std::string(buffer, static_cast<std::size_t>(count))});
      input_ended_ = true;
      send_text(json::object{{"end", true}});
    });
  }

  void read_message() {
    socket_.async_read(incoming_, [this](error_code code, std::size_t) {
      if (code) {
        why_ = code == websocket::error::closed ? "closed by the platform" : code.message();
        return stop();
      }
      const std::string bytes = beast::buffers_to_string(incoming_.data());
      incoming_.consume(incoming_.size());
      if (!socket_.got_text()) {
        if (write_all(STDOUT_FILENO, bytes).has_error()) {
          signalled_ = SIGPIPE;
          return stop();
        }
      } else if (const auto message = parse_json_object(bytes)) {
        if (const auto exit = optional_int(*message, "exit")) {
          exit_code_ = static_cast<int>(*exit & 0xff);
          return stop();
        }
      }
      read_message();
    });
  }

  void stop() {
    done_ = true;
    input_.cancel();
    error_code ignored;
    signals_.cancel(ignored);
    beast::get_lowest_layer(socket_).close();
    context_.stop();
  }

  Url url_;
  bool terminal_;
  asio::io_context context_{1};
  websocket::stream<beast::tcp_stream> socket_;
  Input input_;
  asio::signal_set signals_;
  std::optional<RawTerminal> raw_;
  beast::flat_buffer incoming_;
  std::deque<Message> queue_;
  bool input_ended_ = false;
  bool input_waits_ = false;
  bool interrupted_ = false;
  bool done_ = false;
  int signalled_ = 0;
  std::optional<int> exit_code_;
  std::string why_ = "no reason given";
};

}  // namespace

Outcome<int> attach(const Attachment& attachment) {
  if (!attachment.url.starts_with("ws://"))
    return failed("This program attaches only over ws://, and the platform gave " + attachment.url +
                  ".");
  auto url = Url::parse("http" + attachment.url.substr(2));
  if (url.has_error()) return url.error();
  try {
    return AttachLoop(std::move(*url), attachment.terminal).run();
  } catch (const std::exception& surprise) {
    return failed(std::string("Attaching failed: ") + surprise.what() + ".");
  }
}

}  // namespace berth::cli
