// SPDX-License-Identifier: Apache-2.0
#include "server/router_process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/split.hpp"
#include "base/tasks.hpp"
#include "base/unix_socket.hpp"

namespace berth::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view replace_flag = "--replace";

}  // namespace

struct RouterProcess::State {
  State(asio::any_io_executor executor, Options wanted)
      : options(std::move(wanted)), process(executor), timer(executor), tasks(executor) {}

  Options options;
  asio::posix::stream_descriptor process;  ///< a pidfd: readable when the router has ended
  asio::steady_timer timer;
  TaskGroup tasks;
  std::optional<ChildProcess> child;  ///< only if this server started it
  pid_t pid = 0;  ///< of the router that was adopted
  bool stopped = false;

  /// The router that listens now, if any. A control connection replaces the one before, so this is
  /// for a start only.
  Result<void> adopt() {
    BERTH_ASSIGN(const Fd connection, connect_unix(options.control_socket));
    BERTH_ASSIGN(pid, peer_pid(connection.get()));
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return system_error("find the router's process");
    process.close();
    process.assign(pidfd);
    return {};
  }

  /// Whether the router that was adopted is another program, or was told other things.
  [[nodiscard]] bool is_outdated() const {
    const std::filesystem::path process_files = "/proc/" + std::to_string(pid);
    struct stat runs{};
    struct stat wanted{};
    if (::stat((process_files / "exe").c_str(), &runs) != 0 ||
        ::stat(options.argv.front().c_str(), &wanted) != 0)
      return false;
    if (runs.st_dev != wanted.st_dev || runs.st_ino != wanted.st_ino) return true;
    const auto text = read_file(process_files / "cmdline");
    if (text.has_error()) return false;
    std::vector<std::string> words = split(*text, '\0');
    std::erase(words, replace_flag);
    return words != options.argv;
  }

  /// Another router takes the place of the adopted one, which ends once nothing is connected to it.
  /// If it cannot, the adopted one goes on.
  Result<void> replace() {
    BERTH_TRY(spawn({std::string(replace_flag)}));
    Error why{ErrorKind::timeout, "the new one did not take over within 10 s"};
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < end;) {
      if (const auto connection = connect_unix(options.control_socket); connection.has_value())
        if (const auto peer = peer_pid(connection->get());
            peer.has_value() && *peer == child->pid())
          return {};
      BERTH_ASSIGN(const auto ended, child->wait_for(5ms));
      if (!ended) continue;
      why = {ErrorKind::unavailable,
             "the new one ended (" + ended->describe() + "): " + last_words()};
      break;
    }
    child.reset();  // which kills one that hangs
    BERTH_TRY(adopt());
    return why;
  }

  Result<void> spawn(const std::vector<std::string>& more = {}) {
    BERTH_ASSIGN(const Fd log, open_file(options.log_file, O_WRONLY | O_APPEND | O_CREAT, 0640));
    std::vector<std::string> argv = options.argv;
    argv.insert(argv.end(), more.begin(), more.end());
    BERTH_ASSIGN(ChildProcess started, ChildProcess::spawn({.argv = std::move(argv),
                                                            .stdout_fd = log.get(),
                                                            .stderr_fd = log.get(),
                                                            .new_session = true}));
    process.close();
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
  } else if (state_->is_outdated()) {
    log_info("the router that runs (pid {}) is another program or has other settings: replacing it",
             state_->pid);
    if (auto replaced = state_->replace(); replaced.has_error())
      log_error("the router was not replaced, and goes on as it was: {}",
                replaced.error().message);
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
