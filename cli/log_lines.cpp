// SPDX-License-Identifier: Apache-2.0
#include "cli/log_lines.hpp"

#include <array>

#include "cli/format.hpp"

namespace berth::cli {

LogLine parse_log_line(std::string_view line) {
  LogLine parts{.stamp = {}, .source = {}, .process = {}, .text = line};
  const auto space = line.find(' ');
  const auto open = line.find('[');
  const auto close = line.find("]:");
  if (space == std::string_view::npos || open == std::string_view::npos ||
      close == std::string_view::npos || !(space < open && open < close) ||
      line.substr(space + 1, open - space - 1).find(' ') != std::string_view::npos)
    return parts;
  parts.stamp = line.substr(0, space);
  parts.source = line.substr(space + 1, open - space - 1);
  parts.process = line.substr(open + 1, close - open - 1);
  parts.text = line.substr(close + 2);
  if (parts.text.starts_with(' ')) parts.text.remove_prefix(1);
  return parts;
}

json::object log_json(const LogLine& line) {
  return {{"at", std::string(line.stamp)},
          {"source", std::string(line.source)},
          {"process", std::string(line.process)},
          {"message", std::string(line.text)}};
}

std::string LogPainter::paint(std::string_view line) {
  constexpr std::array palette = {Colour::cyan, Colour::yellow, Colour::green, Colour::magenta,
                                  Colour::blue};
  if (!style_.on) return std::string(line);
  const LogLine parts = parse_log_line(line);
  // An app's colours end with its line.
  const std::string text = printable_log(parts.text) +
                           (parts.text.find('\x1b') == std::string_view::npos ? "" : "\x1b[0m");
  if (parts.stamp.empty()) return text;
  auto known = colours_.find(parts.process);
  if (known == colours_.end()) {
    // What the platform itself says stands back behind the app's own words.
    const Colour colour = parts.source == "app" && parts.process != "router"
                              ? palette[colours_.size() % palette.size()]
                              : Colour::dim;
    known = colours_.emplace(std::string(parts.process), colour).first;
  }
  const auto head = line.substr(0, static_cast<std::size_t>(parts.text.data() - line.data()));
  return style_.paint(known->second, printable(head)) + text;
}

void SeenLines::add(std::string_view line) {
  if (!lines_.emplace(line).second) return;
  order_.emplace_back(line);
  if (order_.size() <= most_lines) return;
  lines_.erase(order_.front());
  order_.pop_front();
}

bool SeenLines::covers(std::string_view line) const {
  if (order_.empty()) return false;
  // Stamps have one format and so sort as text.
  const auto stamp = parse_log_line(line).stamp;
  const auto oldest = parse_log_line(order_.front()).stamp;
  return lines_.contains(std::string(line)) || (!stamp.empty() && stamp < oldest);
}

}  // namespace berth::cli
