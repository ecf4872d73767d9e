// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/terminal_relay.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace berth::runtime::shim {

namespace {

constexpr int finish_limit_ms = 2000;

/// True if something came, or nothing is there yet; false at the end.
bool read_some(const Fd& from, std::string& to) {
  char buffer[16 << 10];
  const ssize_t count = ::read(from.get(), buffer, sizeof buffer);
  if (count > 0) to.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/// The same of writing.
bool write_some(const Fd& to, std::string& from) {
  const ssize_t count = ::write(to.get(), from.data(), from.size());
  if (count > 0) from.erase(0, static_cast<std::size_t>(count));
  return count >= 0 || errno == EAGAIN || errno == EINTR;
}

}  // namespace

TerminalRelay::TerminalRelay(Fd master, Fd input, Fd output)
    : master_(std::move(master)), input_(std::move(input)), output_(std::move(output)) {
  for (const Fd* fd : {&master_, &input_, &output_}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
}

void TerminalRelay::poll_for(std::vector<pollfd>& entries) const {
  const auto add = [&entries](int fd, int events) {
    entries.push_back({events ? fd : -1, static_cast<short>(events), 0});
  };
  add(input_.get(), typed_.empty() ? POLLIN : 0);
  add(master_.get(), (printed_.empty() && !hung_up_ ? POLLIN : 0) | (typed_.empty() ? 0 : POLLOUT));
  add(output_.get(), printed_.empty() ? 0 : POLLOUT);
}

void TerminalRelay::handle(const pollfd* entries) {
  if (entries[0].revents) read_input();
  if (entries[1].revents & POLLOUT) write_terminal();
  if (entries[1].revents & ~POLLOUT) read_terminal();
  if (entries[2].revents) write_output();
}

void TerminalRelay::read_input() {
  if (!read_some(input_, typed_)) input_.reset();
  if (!typed_.empty()) write_terminal();
}

void TerminalRelay::write_terminal() {
  if (!write_some(master_, typed_)) typed_.clear();
}

void TerminalRelay::read_terminal() {
  if (printed_.empty() && !read_some(master_, printed_)) hung_up_ = true;
  if (!printed_.empty()) write_output();
}

void TerminalRelay::write_output() {
  if (!write_some(output_, printed_)) printed_.clear();
}

void TerminalRelay::resize(unsigned columns, unsigned rows) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = static_cast<unsigned short>(rows);
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool TerminalRelay::signal(int number) {
  // gVisor's terminals have no TIOCSIG, but they know the keys.
  char key = 0;
  if (number == SIGINT) key = '\x03';
  if (number == SIGQUIT) key = '\x1c';
  if (number == SIGTSTP) key = '\x1a';
  if (key == 0) return false;
  typed_.push_back(key);
  write_terminal();
  return true;
}

void TerminalRelay::finish() {
  for (;;) {
    if (printed_.empty()) {
      (void)read_some(master_, printed_);
      if (printed_.empty()) return;
    }
    pollfd entry{output_.get(), POLLOUT, 0};
    if (::poll(&entry, 1, finish_limit_ms) <= 0) return;
    write_output();
  }
}

}  // namespace berth::runtime::shim
