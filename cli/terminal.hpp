// SPDX-License-Identifier: Apache-2.0
//
// Raw mode of the terminal behind a descriptor, given back when the owner goes; its size.
#pragma once

#include <termios.h>

#include <utility>

#include "base/result.hpp"

namespace berth::cli {

class RawTerminal final {
 public:
  [[nodiscard]] static Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal() { restore(); }
  void restore() noexcept;

 private:
  RawTerminal(int fd, const termios& saved) : fd_(fd), saved_(saved) {}
  int fd_;
  termios saved_;
};

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};
/// 80 × 24 if the descriptor is no terminal or knows no size.
[[nodiscard]] TerminalSize terminal_size(int fd);

}  // namespace berth::cli
