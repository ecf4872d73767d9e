// SPDX-License-Identifier: Apache-2.0
//
// Reads an app's log, `current.log` and the older `current.log.N`, from any line on and across
// rotations by rename. Pure POSIX, in small pieces, so that the strand is never held for long and a
// slow reader costs one piece of memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::api {

/// Which lines `TIMESTAMP source[process]: text` are wanted; empty fields want all.
struct LogFilter {
  std::string process;  ///< "web.1", or "web" for all of the type
  std::string source;   ///< "app"; "heroku" and "berth" are the platform's own lines

  [[nodiscard]] bool wants(std::string_view line) const;
  friend bool operator==(const LogFilter&, const LogFilter&) = default;
};

struct LogLine {
  /// Where it ends: which file (a digest of its first line, which outlives
  /// a rename) and the offset.
  std::string id;
  std::string text;
};

class LogReader final {
 public:
  LogReader(std::filesystem::path directory, LogFilter filter)
      : directory_(std::move(directory)), filter_(std::move(filter)) {}

  /// Goes back over the next piece; true when `lines` wanted lines lie ahead, or all that are kept.
  [[nodiscard]] Result<bool> step_back(std::size_t lines);
  /// Goes to just after the line of this id, or to the oldest kept line if it is gone. False if the
  /// id is not one.
  [[nodiscard]] bool resume(std::string_view id);

  struct Batch {
    std::vector<LogLine> lines;
    bool at_end = false;  ///< nothing more for now
  };
  /// The wanted lines of the next piece, in order.
  [[nodiscard]] Result<Batch> next();

 private:
  struct File {
    Fd fd;
    std::string generation;  ///< empty until its first line is whole
  };
  [[nodiscard]] std::filesystem::path path_of(int age) const;
  [[nodiscard]] std::optional<File> open(int age) const;
  [[nodiscard]] int oldest() const;
  /// The age of the file that is open, -1 if it is gone from the directory.
  [[nodiscard]] int current_age() const;
  /// To the start of the file after this one; false if this one is the newest.
  [[nodiscard]] bool advance();
  void take_lines(std::string_view piece, std::vector<LogLine>& lines);
  void emit(std::string_view line, std::vector<LogLine>& lines);

  std::filesystem::path directory_;
  LogFilter filter_;
  std::optional<File> file_;
  std::uint64_t offset_ = 0;  ///< of the next byte to read
  std::string partial_;       ///< a line whose end was not read yet

  struct Back {
    int age = 0;
    std::uint64_t position = 0;      ///< all from here on was looked at
    std::string head;                ///< the end of a line whose beginning lies before `position`
    bool behind_unfinished = false;  ///< the line that is being written was passed
    std::size_t found = 0;
    std::uint64_t scanned = 0;
  };
  std::optional<Back> back_;
};

}  // namespace berth::api
