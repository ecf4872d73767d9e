// SPDX-License-Identifier: Apache-2.0
//
// Appends a replica's lines to its app's current log file, which others append to and a rotation
// may move away under us: the path is looked at again at most once a second.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/line_appender.hpp"
#include "runtime/engine/local/shim/line_framer.hpp"

namespace berth::runtime::shim {

class LogWriter final {
 public:
  /// `source` is the replica's name, "web.1".
  LogWriter(std::string path, std::string source, std::uint32_t lines_per_second);

  void feed(std::string_view bytes);
  /// Writes out the last line and the count of dropped ones.
  void finish();
  /// While this is true, tick() is to be called once a second: a drop notice is due.
  [[nodiscard]] bool has_dropped() const { return limit_.has_dropped() || appender_.lost() > 0; }
  void tick();

 private:
  void line(std::string_view text);
  void append(std::string_view program, std::string_view text);
  void notice(bool at_end);
  void flush();
  void tell_of_loss();
  void reopen_if_moved();

  std::string path_;
  std::string source_;
  LineFramer framer_;
  RateLimit limit_;
  std::string
      batch_;  ///< whole lines: one write each batch, so that writers never mix within a line
  Fd file_;
  LineAppender appender_;
  std::int64_t checked_us_ = 0;
};

/// Microseconds since the epoch.
[[nodiscard]] std::int64_t wall_us();
/// "2026-11-23T05:15:38.916000+00:00"
[[nodiscard]] std::string timestamp(std::int64_t us);

}  // namespace berth::runtime::shim
