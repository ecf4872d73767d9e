// SPDX-License-Identifier: Apache-2.0
#include "server/router_process.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <optional>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/tasks.hpp"
#include "base/unix_socket.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct RouterProcess::State {
  State(asio::any_io_executor executor, Options wanted)
      : options(std::move(wanted)), process(executor), timer(executor), tasks(executor) {}

  Options options;
  asio::posix::stream_descriptor process;  ///< a pidfd: readable when the router has ended
  asio::steady_timer timer;
  TaskGroup tasks;
  std::optional<ChildProcess> child;  ///< only if this server started it
  bool stopped = false;

  /// The router that listens now, if any. A control connection replaces the one before, so this is
  /// for a start only.
  Result<void> adopt() {
    BERTH_ASSIGN(const Fd connection, connect_unix(options.control_socket));
    BERTH_ASSIGN(const pid_t pid, peer_pid(connection.get()));
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return system_error("find the router's process");
    process.assign(pidfd);
    return {};
  }

  Result<void> spawn() {
    BERTH_ASSIGN(const Fd log, open_file(options.log_file, O_WRONLY | O_APPEND | O_CREAT, 0640));
    BERTH_ASSIGN(ChildProcess started, ChildProcess::spawn({.argv = options.argv,
                                                            .stdout_fd = log.get(),
                                                            .stderr_fd = log.get(),
                                                            .new_session = true}));
    process.assign(::fcntl(started.pidfd(), F_DUPFD_CLOEXEC, 3));
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
      if (!connect_unix(options.control_socket).has_error()) return {};
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
    auto pause = 10ms;
    while (!self->stopped) {
      boost::system::error_code failure;
      const auto since = std::chrono::steady_clock::now();
      co_await self->process.async_wait(asio::posix::descriptor_base::wait_read,
                                        asio::redirect_error(asio::use_awaitable, failure));
      if (self->stopped || failure) co_return;
      self->process.close();
      self->reap();
      // One that ran for a while is replaced at once; one that fails at its start, ever later.
      if (std::chrono::steady_clock::now() - since > 10s) pause = 10ms;
      while (!self->stopped && !self->process.is_open()) {
        log_warning("the router is gone; starting another");
        if (auto started = self->spawn(); started.has_error())
          log_error("start the router: {}", started.error().message);
        self->timer.expires_after(pause);
        co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, failure));
        pause = std::min(pause * 2, std::chrono::milliseconds(10'000));
      }
    }
  }

  void let_go() {
    stopped = true;
    timer.cancel();
    boost::system::error_code ignored;
    process.close(ignored);
    if (child) child->detach();
    child.reset();
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

RouterProcess::~RouterProcess() { state_->let_go(); }

Result<void> RouterProcess::start() {
  if (state_->adopt().has_error()) {
    BERTH_TRY(state_->spawn());
    BERTH_TRY(state_->await_start());
  }
  state_->tasks.spawn(State::watch(state_));
  return {};
}

asio::awaitable<void> RouterProcess::stop_watching() {
  const std::shared_ptr<State> state = state_;
  state->let_go();
  co_await state->tasks.join();
}

}  // namespace berth::server
