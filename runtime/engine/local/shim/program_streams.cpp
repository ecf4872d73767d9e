// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/program_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/engine/local/agent_protocol.hpp"

namespace berth::runtime::shim {

Result<void> ProgramStreams::send_program(int agent, std::string_view program, const Wish& wish) {
  Pipes pipes;
  kept_ = wish.terminal && wish.kept;
  terminal_ = wish.terminal;
  if (!wish.terminal || wish.kept) {
    BERTH_ASSIGN(pipes, make_pipes(wish.input || wish.terminal));
  }
  const int fds[3] = {pipes.input.get(), pipes.output.get(), pipes.output.get()};
  if (!send_packet(agent, AgentMessage::run, program, fds, !wish.terminal ? 3 : kept_ ? 2 : 0))
    return system_error("talk to the agent");
  return {};
}

Result<ProgramStreams::Pipes> ProgramStreams::make_pipes(bool input) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return system_error("pipe");
  output_ = Fd(out[0]);
  Pipes theirs{.input = {}, .output = Fd(out[1])};
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  if (!input) {
    theirs.input = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return theirs;
  }
  int in[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return system_error("pipe");
  theirs.input = Fd(in[0]);
  input_ = Fd(in[1]);
  ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
  return theirs;
}

void ProgramStreams::use_terminal(Fd master) {
  terminal_ = true;
  output_ = std::move(master);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  input_ = Fd(::fcntl(output_.get(), F_DUPFD_CLOEXEC, 3));
}

std::string_view ProgramStreams::read() {
  const ssize_t count = ::read(output_.get(), buffer_, sizeof buffer_);
  if (count > 0) return {buffer_, static_cast<std::size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  // A terminal answers EIO when its last process has closed it.
  output_.reset();
  return {};
}

bool ProgramStreams::readable() const {
  pollfd entry{output_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

void ProgramStreams::write(std::string_view bytes) {
  if (!input_ || ends_) return;
  pending_.append(bytes);
  on_writable();
}

void ProgramStreams::on_writable() {
  const ssize_t count = ::write(input_.get(), pending_.data(), pending_.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0)
    pending_.clear();  // The program reads no more.
  else
    pending_.erase(0, static_cast<std::size_t>(count));
  if (pending_.empty() && ends_) input_.reset();
}

void ProgramStreams::end_input() {
  if (terminal_) return write(std::string_view("\x04", 1));  // end of file on a terminal
  ends_ = true;
  if (pending_.empty()) input_.reset();
}

void ProgramStreams::resize(unsigned columns, unsigned rows) {
  if (!terminal_ || kept_ || !input_) return;
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  ::ioctl(input_.get(), TIOCSWINSZ, &size);
}

bool ProgramStreams::signal_terminal(int number) {
  return terminal_ && !kept_ && input_ && ::ioctl(input_.get(), TIOCSIG, number) == 0;
}

}  // namespace berth::runtime::shim
