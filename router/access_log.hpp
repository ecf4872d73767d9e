// SPDX-License-Identifier: Apache-2.0
//
// The access log of an app: Heroku's router line, formatted into a per-thread buffer and appended
// to <directory>/current.log with one write a buffer (O_APPEND: whole lines from several threads do
// not mix). The file may be renamed under us by rotation.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.hpp"
#include "base/line_appender.hpp"
#include "router/errors.hpp"

namespace berth::router {

struct AccessRecord {
  std::int64_t at_us = 0;  ///< since the Unix epoch
  ErrorCode error = ErrorCode::none;
  std::string_view method, target, host, request_id, forwarded_for;
  std::string_view replica;        ///< empty: none was chosen
  std::int64_t connect_us = -1;    ///< -1: no connection was made for it
  std::int64_t service_us = -1;
  std::int64_t held_us = -1;       ///< -1: it did not wait
  int status = 0;
  std::uint64_t bytes = 0;         ///< sent to the client, with the head
  std::string_view protocol = "http";
};

/// "2026-11-23T05:15:38.916000+00:00", with the part down to the second kept from call to call.
class TimestampFormatter final {
 public:
  [[nodiscard]] std::string_view format(std::int64_t unix_us);

 private:
  std::int64_t second_ = -1;
  char text_[33] = "";
};

/// Appends one line with its newline. Quotes, backslashes and bytes outside of printable ASCII are
/// escaped in quoted values, and values cut at 4,096 bytes: a line cannot be forged.
void append_line(const AccessRecord& record, TimestampFormatter& timestamps, std::string& out);

/// One thread's side of one app's log file. Times are of the thread's monotonic clock.
class AccessLog final {
 public:
  static constexpr std::size_t flush_size = 16 * 1024;

  /// "" turns the log off. What is buffered goes to the old file first.
  void set_directory(std::string_view directory, std::int64_t now_us);
  [[nodiscard]] bool enabled() const { return !path_.empty(); }
  /// True if this line is the first in the buffer: the owner then sees to a flush in time.
  [[nodiscard]] bool add(const AccessRecord& record, TimestampFormatter& timestamps,
                         std::int64_t now_us);
  void flush(std::int64_t now_us);
  /// Gives the file and the buffer back when there was no line for a while.
  void release_if_idle(std::int64_t now_us);
  [[nodiscard]] bool is_open() const { return static_cast<bool>(file_); }
  /// Bytes of lines that could not be written since the last call.
  [[nodiscard]] std::uint64_t take_lost_bytes() { return std::exchange(lost_bytes_, 0); }

 private:
  bool open();
  [[nodiscard]] bool was_renamed() const;

  std::string path_;
  std::string buffer_;
  Fd file_;
  LineAppender appender_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::int64_t checked_us_ = 0;
  std::int64_t used_us_ = 0;
  std::uint64_t lost_bytes_ = 0;
};

}  // namespace berth::router
