// SPDX-License-Identifier: Apache-2.0
//
// Text for people: widths in terminal cells, text made safe to print, relative times, sizes, JSON
// with indentation. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/json.hpp"

namespace berth::cli {

/// Terminal cells that the text takes: combining marks take none, East Asian wide characters and
/// emoji two. Bytes that are not UTF-8 count one each.
[[nodiscard]] std::size_t display_width(std::string_view text);
/// The text, cut to at most `width` cells with "…" as its last; whole if it fits.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t width);

/// One line that cannot move the cursor or change the terminal: control characters become spaces.
[[nodiscard]] std::string printable(std::string_view text);
/// The same for a log line, but tabs and colours (CSI … m) stay: apps colour their logs, and
/// nothing else that a stranger's request may put into a log reaches the terminal.
[[nodiscard]] std::string printable_log(std::string_view text);

/// "just now", "40 s ago", "3 min ago", "2 h ago", "5 days ago", then the date; "in 3 min" ahead.
[[nodiscard]] std::string relative_time(Time then, Time now);
/// The same for a timestamp of the API; the text itself if it is none.
[[nodiscard]] std::string relative_time(std::string_view timestamp, Time now);

/// "512 B", "41.3 kB", "2.0 GB"
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// Two spaces a level, one line a field, a newline at the end.
[[nodiscard]] std::string pretty_json(const json::value& value);

}  // namespace berth::cli
