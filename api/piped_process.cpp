// SPDX-License-Identifier: Apache-2.0
#include "api/piped_process.hpp"

#include <fcntl.h>
#include <signal.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>

namespace berth::api {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece_bytes = 32 << 10;

}  // namespace

struct PipedProcess::State {
  State(const asio::any_io_executor& executor, ChildProcess its_child, Pipe& its_in, Pipe& its_out,
        Pipe& its_err)
      : child(std::move(its_child)),
        in(executor, its_in.write.release()),
        out(executor, its_out.read.release()),
        err(executor, its_err.read.release()),
        ended(executor, ::fcntl(child.pidfd(), F_DUPFD_CLOEXEC, 0)) {}
  ~State() {
    if (!reaped) ::kill(-child.pid(), SIGKILL);
  }
  ChildProcess child;
  asio::posix::stream_descriptor in;
  asio::posix::stream_descriptor out;
  asio::posix::stream_descriptor err;
  asio::posix::stream_descriptor ended;
  bool reaped = false;
};

PipedProcess::PipedProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
PipedProcess::PipedProcess(PipedProcess&&) noexcept = default;
PipedProcess::~PipedProcess() = default;

Result<PipedProcess> PipedProcess::start(asio::any_io_executor executor, Command command) {
  BERTH_ASSIGN(Pipe in, make_pipe());
  BERTH_ASSIGN(Pipe out, make_pipe());
  BERTH_ASSIGN(Pipe err, make_pipe());
  command.stdin_fd = in.read.get();
  command.stdout_fd = out.write.get();
  command.stderr_fd = err.write.get();
  command.new_session = true;
  BERTH_ASSIGN(ChildProcess child, ChildProcess::spawn(command));
  return PipedProcess(std::make_unique<State>(executor, std::move(child), in, out, err));
}

asio::awaitable<Result<std::string>> PipedProcess::read_out() {
  std::string piece(piece_bytes, '\0');
  const auto [failure, count] =
      co_await state_->out.async_read_some(asio::buffer(piece), as_result);
  if (failure && failure != asio::error::eof)
    co_return Error{ErrorKind::io, "read from the child: " + failure.message()};
  piece.resize(count);
  co_return piece;
}

asio::awaitable<std::string> PipedProcess::read_errors(std::size_t limit) {
  std::string text;
  std::string piece(4096, '\0');
  for (;;) {
    const auto [failure, count] =
        co_await state_->err.async_read_some(asio::buffer(piece), as_result);
    if (failure) break;
    text.append(piece, 0, std::min(count, limit - std::min(limit, text.size())));
  }
  co_return text;
}

asio::awaitable<Result<void>> PipedProcess::write_in(std::string data) {
  const auto [failure, count] =
      co_await asio::async_write(state_->in, asio::buffer(data), as_result);
  if (failure) co_return Error{ErrorKind::io, "write to the child: " + failure.message()};
  co_return Result<void>();
}

void PipedProcess::close_in() {
  boost::system::error_code ignored;
  state_->in.close(ignored);
}

asio::awaitable<Result<ExitStatus>> PipedProcess::wait() {
  const auto [failure] =
      co_await state_->ended.async_wait(asio::posix::stream_descriptor::wait_read, as_result);
  if (failure) co_return Error{ErrorKind::cancelled, "wait for the child: " + failure.message()};
  state_->reaped = true;
  co_return state_->child.wait();
}

void PipedProcess::terminate() {
  if (!state_->reaped) ::kill(-state_->child.pid(), SIGTERM);
}

}  // namespace berth::api
