// SPDX-License-Identifier: Apache-2.0
//
// One attached peer's side of a program's input and output, framed as in attach_frame.hpp. Output
// that nobody takes waits here up to a limit; beyond it the program waits.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace berth::runtime::shim {

/// What a frame asks for; the owner of the program does it.
class AttachTarget {
 public:
  virtual ~AttachTarget() = default;
  virtual void input(std::string_view bytes) = 0;
  virtual void input_end() = 0;
  virtual void resize(unsigned columns, unsigned rows) = 0;
  virtual void signal(int number) = 0;
};

class AttachSession final {
 public:
  static constexpr std::size_t output_limit = 256 << 10;

  /// A later peer replaces an earlier one. `begun` is what it has sent already.
  void connect(Fd peer, std::string_view begun, AttachTarget& target);
  [[nodiscard]] bool connected() const { return static_cast<bool>(peer_); }
  [[nodiscard]] int fd() const { return peer_.get(); }
  [[nodiscard]] bool wants_write() const { return peer_ && !outgoing_.empty(); }
  [[nodiscard]] bool has_room() const { return outgoing_.size() < output_limit; }
  [[nodiscard]] bool idle() const { return outgoing_.empty(); }

  void output(std::string_view bytes);
  void exit(int code, int signal);
  void on_writable();
  void on_readable(AttachTarget& target);

 private:
  void parse(AttachTarget& target);
  void drop();
  Fd peer_;
  std::string incoming_;
  std::string outgoing_;
};

}  // namespace berth::runtime::shim
