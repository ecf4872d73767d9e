// SPDX-License-Identifier: Apache-2.0
//
// The engine's end of a connection to a shim (shim/shim.hpp): reports in, commands out. Owns the
// socket; when it goes, a replica runs on and a sandbox ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace berth::runtime {

struct ShimReport {
  enum class Kind { none, note, started, listeners, exited, failed, gone };
  Kind kind = Kind::none;
  int pid = 0;
  Time at{};  ///< of `started` and `exited`
  int code = 0;
  int signal = 0;
  std::uint64_t oom_kills = 0;
  bool forced = false;
  std::string message = {};  ///< of `failed` and, as listeners_text(), of `listeners`
};

/// `note` without its descriptor; a line that is not understood is `none`.
[[nodiscard]] ShimReport parse_shim_line(std::string_view line);

class ShimLink final {
 public:
  explicit ShimLink(Fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// A command line; failure means that the shim is gone, which poll() tells too.
  void send(std::string_view line);
  /// The next report that is here already; `none` if there is no whole line yet, `gone` at the end.
  [[nodiscard]] ShimReport poll();
  /// Waits for the next report; `none` when the time is up.
  [[nodiscard]] ShimReport wait(std::chrono::milliseconds limit);
  /// No more commands from us; the shim of a sandbox ends its container then.
  void close_commands();
  /// The descriptor that came with `note`.
  [[nodiscard]] Fd take_note() { return std::move(note_); }

 private:
  [[nodiscard]] bool receive();
  Fd socket_;
  std::string buffer_;
  Fd note_;
  bool ended_ = false;
};

}  // namespace berth::runtime
