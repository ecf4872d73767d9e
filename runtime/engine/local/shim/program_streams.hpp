// SPDX-License-Identifier: Apache-2.0
//
// A program's input and output as the shim holds them: the shim's ends of its pipes, or its
// terminal. Input that the program does not take yet waits here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime::shim {

class ProgramStreams final {
 public:
  static constexpr std::size_t input_limit = 256 << 10;  ///< beyond it the peer waits

  struct Wish {
    bool input = false;     ///< otherwise it reads from nothing
    bool terminal = false;
    bool kept = false;      ///< a terminal's master stays with the agent
  };
  /// Makes what the program shall have and sends it to the agent, with `program`, an encoded
  /// AgentRun. A master that does not stay there comes with its answer.
  [[nodiscard]] Result<void> send_program(int agent, std::string_view program, const Wish& wish);
  void use_terminal(Fd master);
  [[nodiscard]] bool terminal_is_kept() const { return kept_; }

  [[nodiscard]] int output() const { return output_.get(); }
  /// To be polled for room; -1 while nothing waits.
  [[nodiscard]] int waiting_input() const { return pending_.empty() ? -1 : input_.get(); }
  [[nodiscard]] bool has_room() const { return pending_.size() < input_limit; }
  [[nodiscard]] bool open() const { return static_cast<bool>(output_); }

  /// What is there to read; nothing at its end, and where nothing is there.
  [[nodiscard]] std::string_view read();
  /// Whether something, or the end, can be read at once.
  [[nodiscard]] bool readable() const;
  void close_output() { output_.reset(); }

  void write(std::string_view bytes);
  void on_writable();
  void end_input();
  void resize(unsigned columns, unsigned rows);
  /// As from a key: to the foreground job. False where there is no terminal.
  [[nodiscard]] bool signal_terminal(int number);

 private:
  struct Pipes {
    Fd input;
    Fd output;
  };
  [[nodiscard]] Result<Pipes> make_pipes(bool input);

  Fd output_;
  Fd input_;  ///< a second descriptor of the terminal, if it is one
  bool terminal_ = false;
  bool kept_ = false;  ///< behind pipes
  std::string pending_;
  bool ends_ = false;
  char buffer_[16 << 10];
};

}  // namespace berth::runtime::shim
