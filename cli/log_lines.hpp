// SPDX-License-Identifier: Apache-2.0
//
// Log lines as the API sends them, "2026-11-23T05:15:38.916000+00:00 app[web.1]: text": their
// parts, a colour for each process, and which of them were shown before a connection broke. Pure.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/json.hpp"
#include "cli/style.hpp"

namespace berth::cli {

struct LogLine {
  std::string_view stamp;    ///< as it stands; empty if the line has none
  std::string_view source;   ///< "app"
  std::string_view process;  ///< "web.1"
  std::string_view text;     ///< the whole line if it has another shape
};

/// Views into `line`.
[[nodiscard]] LogLine parse_log_line(std::string_view line);
[[nodiscard]] json::object log_json(const LogLine& line);

/// Paints "stamp source[process]:" in the process's colour, the same throughout.
class LogPainter {
 public:
  explicit LogPainter(Style style) : style_(style) {}
  /// Made safe for a terminal if the style is on; otherwise the line as it came.
  [[nodiscard]] std::string paint(std::string_view line);

 private:
  Style style_;
  std::map<std::string, Colour, std::less<>> colours_;
};

/// Remembers the newest lines, so that the backlog of a new log session repeats none of them.
class SeenLines {
 public:
  static constexpr std::size_t most_lines = 2000;

  void add(std::string_view line);
  /// Shown already, or older than all that is remembered.
  [[nodiscard]] bool covers(std::string_view line) const;
  [[nodiscard]] bool empty() const { return order_.empty(); }

 private:
  std::deque<std::string> order_;
  std::unordered_set<std::string> lines_;
};

}  // namespace berth::cli
