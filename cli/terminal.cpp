// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <sys/ioctl.h>

namespace berth::cli {

Result<RawTerminal> RawTerminal::enter(int fd) {
  termios saved{};
  if (::tcgetattr(fd, &saved) != 0) return system_error("read the terminal's mode");
  termios raw = saved;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) return system_error("set the terminal's mode");
  return RawTerminal(fd, saved);
}

void RawTerminal::restore() noexcept {
  if (fd_ >= 0) ::tcsetattr(fd_, TCSADRAIN, &saved_);
  fd_ = -1;
}

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

}  // namespace berth::cli
