// SPDX-License-Identifier: Apache-2.0
#include "api/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <set>

#include "api/connection.hpp"
#include "api/dispatcher.hpp"
#include "api/schema.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/tasks.hpp"

namespace berth::api {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// "127.0.0.1:7070", "[::1]:7070"
Result<tcp::endpoint> parse_listen(const std::string& text) {
  const auto refuse = [&] {
    return Error{ErrorKind::invalid, "the listen address '" + text +
                                         "' is not ADDRESS:PORT, for example 127.0.0.1:7070"};
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return refuse();
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const auto [end, failure] =
      std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size()) return refuse();
  boost::system::error_code bad_address;
  const auto address = asio::ip::make_address(host, bad_address);
  if (bad_address) return refuse();
  return tcp::endpoint(address, port);
}

Error bind_error(const tcp::endpoint& endpoint, const boost::system::error_code& failure) {
  const std::string where = endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
  if (failure == asio::error::address_in_use)
    return {ErrorKind::conflict,
            "cannot listen on " + where + ": port " + std::to_string(endpoint.port()) +
                " is taken, perhaps by another berth server. Stop what uses it (`ss -ltnp` "
                "shows it) or set another address as api.listen in berth.yaml"};
  return {ErrorKind::io, "cannot listen on " + where + ": " + failure.message()};
}

}  // namespace

struct Server::State {
  State(asio::any_io_executor strand, Services services)
      : executor(strand),
        settings(std::move(services.settings)),
        acceptor(strand),
        tasks(strand),
        room(strand),
        store(services.store),
        control(services.control),
        secret(random_hex(32)),
        render(store, control, settings, secret) {}

  asio::any_io_executor executor;
  Settings settings;
  tcp::acceptor acceptor;
  TaskGroup tasks;
  Wakeup room;  ///< a connection has ended
  platform::Store& store;
  Control& control;
  std::string secret;
  Renderer render;
  std::unique_ptr<Context> context;
  std::unique_ptr<Dispatcher> dispatcher;
  std::set<std::shared_ptr<Connection>> connections;
  bool stopping = false;

  asio::awaitable<void> accept() {
    asio::steady_timer pause(executor);
    while (!stopping) {
      while (connections.size() >= settings.max_connections && !stopping) co_await room.wait();
      auto [failure, socket] = co_await acceptor.async_accept(as_result);
      if (stopping) break;
      if (!failure) {
        auto connection = std::make_shared<Connection>(std::move(socket), *dispatcher, settings);
        connections.insert(connection);
        tasks.spawn(serve(std::move(connection)));
        continue;
      }
      // Out of descriptors, most likely: it does not get better at once.
      log_warning("accept: {}", failure.message());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(as_result);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Connection> connection) {
    context->metrics.set_connections(connections.size());
    try {
      co_await connection->run();
    } catch (const std::exception& exception) {
      log_error("a connection ended with an exception: {}", exception.what());
    }
    connections.erase(connection);
    context->metrics.set_connections(connections.size());
    room.notify();
  }
};

Server::Server(asio::any_io_executor strand, Services services)
    : state_(std::make_shared<State>(std::move(strand), std::move(services))) {}

Server::~Server() { BERTH_ASSERT(state_->tasks.size() == 0); }

Result<void> Server::start() {
  State& state = *state_;
  BERTH_ASSIGN(const tcp::endpoint endpoint, parse_listen(state.settings.listen));
  BERTH_ASSIGN(StaticFiles files, StaticFiles::load(state.settings.dashboard_directory));
  boost::system::error_code failure;
  state.acceptor.open(endpoint.protocol(), failure);
  if (failure) return bind_error(endpoint, failure);
  state.acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  state.acceptor.bind(endpoint, failure);
  if (!failure) state.acceptor.listen(tcp::acceptor::max_listen_connections, failure);
  if (failure) {
    boost::system::error_code ignored;
    state.acceptor.close(ignored);
    return bind_error(endpoint, failure);
  }
  state.context.reset(new Context{.store = state.store,
                                  .control = state.control,
                                  .settings = state.settings,
                                  .render = state.render,
                                  .schema = openapi_document(state.settings),
                                  .dashboard = std::move(files),
                                  .authentication = Authentication(state.store),
                                  .log_sessions = {},
                                  .metrics = {},
                                  .watcher = FileWatcher(state.executor)});
  state.dispatcher = std::make_unique<Dispatcher>(*state.context);
  state.tasks.spawn(state.accept());
  return {};
}

int Server::port() const {
  boost::system::error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

const Renderer& Server::renderer() const { return state_->render; }

asio::awaitable<void> Server::stop() {
  State& state = *state_;
  state.stopping = true;
  boost::system::error_code ignored;
  state.acceptor.close(ignored);
  state.room.notify();
  const auto open = state.connections;
  for (const auto& connection : open) connection->finish_soon();
  asio::steady_timer grace(state.executor, state.settings.stop_grace);
  grace.async_wait([weak = std::weak_ptr(state_)](const boost::system::error_code& failure) {
    const auto still = weak.lock();
    if (failure || !still) return;
    const auto left = still->connections;
    for (const auto& connection : left) connection->abort();
  });
  co_await state.tasks.join();
  grace.cancel();
  if (state.context) state.context->watcher.close();
}

}  // namespace berth::api
