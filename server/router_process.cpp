// SPDX-License-Identifier: Apache-2.0
#include "server/router_process.hpp"

#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <optional>
#include <thread>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/unix_socket.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct RouterProcess::State {
  State(asio::any_io_executor executor, Options wanted)
      : options(std::move(wanted)), timer(std::move(executor)) {}

  Options options;
  asio::steady_timer timer;
  std::optional<ChildProcess> child;  ///< only if this server started it
  bool stopped = false;

  [[nodiscard]] bool answers() const { return !connect_unix(options.control_socket).has_error(); }

  Result<void> spawn() {
    BERTH_ASSIGN(const Fd log, open_file(options.log_file, O_WRONLY | O_APPEND | O_CREAT, 0640));
    BERTH_ASSIGN(ChildProcess started, ChildProcess::spawn({.argv = options.argv,
                                                            .stdout_fd = log.get(),
                                                            .stderr_fd = log.get(),
                                                            .new_session = true}));
    child = std::move(started);
    return {};
  }

  /// The last line that the router wrote: why it ended.
  [[nodiscard]] std::string last_words() const {
    auto content = read_file(options.log_file);
    if (content.has_error()) return "see " + options.log_file.string();
    while (content->ends_with('\n')) content->pop_back();
    return content->substr(content->rfind('\n') + 1);
  }

  /// Waits, blocking, for the control socket to answer or the process to end.
  Result<void> await_start() {
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < end;) {
      if (answers()) return {};
      BERTH_ASSIGN(const auto ended, child->wait_for(5ms));
      if (ended) {
        child.reset();
        return Error{ErrorKind::unavailable,
                     "the router ended at its start (" + ended->describe() + "): " + last_words()};
      }
    }
    return Error{ErrorKind::timeout, "the router did not open its control socket within 10 s"};
  }

  static asio::awaitable<void> watch(std::shared_ptr<State> self) {
    auto pause = 500ms;
    while (!self->stopped) {
      boost::system::error_code ignored;
      self->timer.expires_after(pause);
      co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (self->stopped) co_return;
      self->reap();
      if (self->child || self->answers()) {
        pause = 500ms;
        continue;
      }
      log_warning("the router is gone; starting another");
      if (auto started = self->spawn(); started.has_error()) {
        log_error("start the router: {}", started.error().message);
        pause = std::min(pause * 2, std::chrono::milliseconds(10'000));
      }
    }
  }

  void reap() {
    if (!child) return;
    const auto ended = child->wait_for(0ms);
    if (ended.has_value() && *ended) {
      log_warning("the router ended ({}): {}", (*ended)->describe(), last_words());
      child.reset();
    }
  }
};

RouterProcess::RouterProcess(asio::any_io_executor strand, Options options)
    : state_(std::make_shared<State>(std::move(strand), std::move(options))) {}

RouterProcess::~RouterProcess() { stop_watching(); }

Result<void> RouterProcess::start() {
  if (!state_->answers()) {
    BERTH_TRY(state_->spawn());
    BERTH_TRY(state_->await_start());
  }
  asio::co_spawn(state_->timer.get_executor(), State::watch(state_), asio::detached);
  return {};
}

void RouterProcess::stop_watching() {
  state_->stopped = true;
  state_->timer.cancel();
  if (state_->child) state_->child->detach();
  state_->child.reset();
}

}  // namespace berth::server
