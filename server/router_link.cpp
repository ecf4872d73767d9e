// SPDX-License-Identifier: Apache-2.0
#include "server/router_link.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "base/tasks.hpp"

namespace berth::server {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

namespace {

constexpr std::size_t max_line_bytes = 16U << 20;

}  // namespace

/// Shared by the link and its loop, so that the loop may outlive the link by one step.
struct RouterLink::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, std::filesystem::path path)
      : strand(executor),
        socket_path(std::move(path)),
        socket(executor),
        timer(executor),
        tasks(executor) {}

  asio::any_io_executor strand;
  std::filesystem::path socket_path;
  Socket socket;
  asio::steady_timer timer;
  TaskGroup tasks;
  Listener listener;
  bool stopped = false;
  bool connected = false;
  std::int64_t router_pid = 0;
  std::uint64_t version = 0;
  std::map<std::string, json::object> apps;
  std::map<std::string, std::string> hosts;
  std::map<std::string, json::object> certificates;
  std::deque<std::string> outgoing;
  bool writing = false;

  void close() {
    stopped = true;
    listener = {};
    boost::system::error_code ignored;
    socket.close(ignored);
    timer.cancel();
  }

  void send(json::object message) {
    if (!connected) return;  // the snapshot at the next connect says it
    message["version"] = ++version;
    outgoing.push_back(to_text(message) + "\n");
    if (std::exchange(writing, true)) return;
    tasks.spawn(write(shared_from_this()));
  }

  json::object snapshot() {
    json::array all;
    for (const auto& [name, app] : apps) all.push_back(app);
    json::object names;
    for (const auto& [host, app] : hosts) names[host] = app;
    json::array offered;
    for (const auto& [name, certificate] : certificates) offered.push_back(certificate);
    return {{"type", "snapshot"},
            {"apps", std::move(all)},
            {"hosts", std::move(names)},
            {"certificates", std::move(offered)}};
  }

  static asio::awaitable<void> write(std::shared_ptr<State> self) {
    while (!self->outgoing.empty() && self->connected) {
      boost::system::error_code failure;
      co_await asio::async_write(self->socket, asio::buffer(self->outgoing.front()),
                                 asio::redirect_error(asio::use_awaitable, failure));
      if (failure) break;  // the reading side sees it too and connects anew
      self->outgoing.pop_front();
    }
    self->writing = false;
  }

  void receive(std::string_view line) {
    const auto message = parse_json_object(line);
    if (message.has_error()) {
      log_warning("router sent a malformed line: {}", message.error().message);
      return;
    }
    const std::string type = optional_string(*message, "type").value_or("");
    if (type == "hello") {
      greet(*message);
    } else if (type == "drained" && listener.on_drained) {
      listener.on_drained(optional_string(*message, "replica").value_or(""));
    } else if (type == "wake" && listener.on_wake) {
      listener.on_wake(optional_string(*message, "app").value_or(""));
    } else if (type == "samples" && listener.on_samples) {
      listener.on_samples(*message);
    }
  }

  void greet(const json::object& hello) {
    const auto pid = optional_int(hello, "pid").value_or(0);
    // One that took over from the one we knew has its requests still.
    const bool restarted =
        pid != router_pid && optional_int(hello, "succeeds").value_or(0) != router_pid;
    router_pid = pid;
    version = std::max<std::uint64_t>(
        version, static_cast<std::uint64_t>(optional_int(hello, "version").value_or(0)));
    connected = true;
    outgoing.clear();
    send(snapshot());
    log_info("router connected (pid {}, {} apps sent)", pid, apps.size());
    if (listener.on_connected) listener.on_connected(restarted);
  }

  static asio::awaitable<void> run(std::shared_ptr<State> self) {
    using namespace std::chrono_literals;
    auto delay = 5ms;
    while (!self->stopped) {
      boost::system::error_code failure;
      self->socket = Socket(self->strand);
      co_await self->socket.async_connect(
          asio::local::stream_protocol::endpoint(self->socket_path.string()),
          asio::redirect_error(asio::use_awaitable, failure));
      if (!failure) {
        delay = 5ms;
        co_await read(self);
        log_info("router disconnected");
      }
      self->connected = false;
      self->socket.close(failure);
      do {
        self->timer.expires_after(delay);
        co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, failure));
      } while (self->writing);  // it still holds a message of the old connection
      delay = std::min(delay * 2, std::chrono::milliseconds(500));
    }
  }

  static asio::awaitable<void> read(std::shared_ptr<State> self) {
    std::string buffer;
    for (;;) {
      boost::system::error_code failure;
      const std::size_t length = co_await asio::async_read_until(
          self->socket, asio::dynamic_buffer(buffer, max_line_bytes), '\n',
          asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      self->receive(std::string_view(buffer).substr(0, length - 1));
      buffer.erase(0, length);
    }
  }
};

RouterLink::RouterLink(asio::any_io_executor strand, std::filesystem::path socket)
    : state_(std::make_shared<State>(std::move(strand), std::move(socket))) {}

RouterLink::~RouterLink() { state_->close(); }

void RouterLink::start(Listener listener) {
  state_->listener = std::move(listener);
  state_->tasks.spawn(State::run(state_));
}

asio::awaitable<void> RouterLink::stop() {
  const std::shared_ptr<State> state = state_;
  state->close();
  co_await state->tasks.join();
}

void RouterLink::put_app(const std::string& name, json::object app) {
  app["name"] = name;
  auto& known = state_->apps[name];
  if (known == app) return;
  known = app;
  state_->send({{"type", "put_app"}, {"app", std::move(app)}});
}

void RouterLink::remove_app(const std::string& name) {
  if (state_->apps.erase(name) > 0) state_->send({{"type", "remove_app"}, {"name", name}});
}

void RouterLink::put_host(const std::string& host, const std::string& app) {
  auto& known = state_->hosts[host];
  if (known == app) return;
  known = app;
  state_->send({{"type", "put_host"}, {"host", host}, {"app", app}});
}

void RouterLink::remove_host(const std::string& host) {
  if (state_->hosts.erase(host) > 0) state_->send({{"type", "remove_host"}, {"host", host}});
}

void RouterLink::put_certificate(const std::string& name, json::object certificate) {
  certificate["name"] = name;
  auto& known = state_->certificates[name];
  if (known == certificate) return;
  known = certificate;
  state_->send({{"type", "put_certificate"}, {"certificate", std::move(certificate)}});
}

void RouterLink::remove_certificate(const std::string& name) {
  if (state_->certificates.erase(name) > 0)
    state_->send({{"type", "remove_certificate"}, {"name", name}});
}

void RouterLink::put_challenge(const std::string& token, const std::string& proof) {
  state_->send({{"type", "put_challenge"}, {"token", token}, {"proof", proof}});
}

void RouterLink::remove_challenge(const std::string& token) {
  state_->send({{"type", "remove_challenge"}, {"token", token}});
}

void RouterLink::put_tls_challenge(const std::string& host, const CertificatePem& pem) {
  state_->send(
      {{"type", "put_tls_challenge"}, {"host", host}, {"chain", pem.chain}, {"key", pem.key}});
}

void RouterLink::remove_tls_challenge(const std::string& host) {
  state_->send({{"type", "remove_tls_challenge"}, {"host", host}});
}

const std::map<std::string, std::string>& RouterLink::hosts() const { return state_->hosts; }

bool RouterLink::connected() const { return state_->connected; }

json::object RouterLink::status() const {
  return {{"connected", state_->connected},
          {"pid", state_->router_pid},
          {"version", state_->version},
          {"apps", state_->apps.size()},
          {"hosts", state_->hosts.size()},
          {"certificates", state_->certificates.size()}};
}

}  // namespace berth::server
