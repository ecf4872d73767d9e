// SPDX-License-Identifier: Apache-2.0
//
// A program's terminal that cannot be handed out of the container, as gVisor's cannot: the agent
// keeps the master, and carries bytes between it and two pipes of the shim's.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "base/fd.hpp"

namespace berth::runtime::shim {

class TerminalRelay final {
 public:
  /// From `input` to the terminal, and from it to `output`.
  TerminalRelay(Fd master, Fd input, Fd output);

  static constexpr std::size_t poll_entries = 3;
  /// Adds its entries; handle() gets them back.
  void poll_for(std::vector<pollfd>& entries) const;
  void handle(const pollfd* entries);

  void resize(unsigned columns, unsigned rows);
  /// To the foreground job, as from a key; false if there is no key for it.
  bool signal(int number);
  /// The program has ended: hands on what it left, to a shim that takes it within two seconds.
  void finish();

 private:
  void read_input();
  void read_terminal();
  void write_terminal();
  void write_output();

  Fd master_;
  Fd input_;
  Fd output_;
  bool hung_up_ = false;  ///< nobody has the terminal open any more
  std::string typed_;    ///< for the terminal; nothing more is read until it is written
  std::string printed_;  ///< the same, for the shim
};

}  // namespace berth::runtime::shim
