// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/file.hpp"

namespace berth::cli {

namespace {

class StandardConsole final : public Console {
 public:
  void out(std::string_view text) override {
    if (write_all(STDOUT_FILENO, text).has_error()) std::_Exit(128 + SIGPIPE);
  }

  void err(std::string_view text) override {
    [[maybe_unused]] const auto nobody_to_tell = write_all(STDERR_FILENO, text);
  }

  std::optional<std::string> read_line(bool echo) override {
    termios saved{};
    const bool hide = !echo && ::tcgetattr(STDIN_FILENO, &saved) == 0;
    if (hide) {
      termios silent = saved;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    std::string line;
    // A byte at a time: what follows the line belongs to somebody else.
    char byte = 0;
    ssize_t count;
    while ((count = ::read(STDIN_FILENO, &byte, 1)) != 0) {
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 || byte == '\n') break;
      line += byte;
    }
    if (hide) {
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
      err("\n");
    }
    if (count <= 0 && line.empty()) return std::nullopt;
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

  bool in_is_terminal() const override { return ::isatty(STDIN_FILENO) == 1; }
  bool out_is_terminal() const override { return ::isatty(STDOUT_FILENO) == 1; }
  bool err_is_terminal() const override { return ::isatty(STDERR_FILENO) == 1; }

  int columns() const override {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  }
};

}  // namespace

std::unique_ptr<Console> standard_console() { return std::make_unique<StandardConsole>(); }

}  // namespace berth::cli
