// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <algorithm>

#include "cli/format.hpp"

namespace berth::cli {

namespace {

constexpr std::size_t gap = 2;

}  // namespace

std::string Table::render(Style style, int columns, std::size_t indent) const {
  std::vector<std::vector<Cell>> lines;
  if (!header_.empty()) {
    auto& line = lines.emplace_back();
    for (const auto& title : header_) line.emplace_back(title, Colour::dim);
  }
  for (const auto& row : rows_) {
    auto& line = lines.emplace_back();
    for (const auto& cell : row) line.emplace_back(printable(cell.text), cell.colour);
  }

  std::size_t count = 0;
  for (const auto& line : lines) count = std::max(count, line.size());
  std::vector<std::size_t> widths(count, 0);
  std::vector<bool> used(count, false);
  for (std::size_t row = 0; row < lines.size(); ++row)
    for (std::size_t i = 0; i < lines[row].size(); ++i) {
      const std::size_t width = display_width(lines[row][i].text);
      widths[i] = std::max(widths[i], width);
      if (width > 0 && (header_.empty() || row > 0)) used[i] = true;
    }

  std::string result;
  for (const auto& line : lines) {
    std::string text(indent, ' ');
    std::size_t at = indent;       // where this cell begins
    std::size_t written = indent;  // where the text so far ends
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!used[i]) continue;
      std::string shown = line[i].text;
      const bool last = std::none_of(used.begin() + static_cast<std::ptrdiff_t>(i) + 1, used.end(),
                                     [](bool flag) { return flag; });
      const auto limit = static_cast<std::size_t>(std::max(columns, 0));
      if (last && limit > at + gap) shown = cut_to_width(shown, limit - at);
      if (!shown.empty()) {
        text.append(at - written, ' ');
        text += style.paint(line[i].colour, shown);
        written = at + display_width(shown);
      }
      at += widths[i] + gap;
    }
    result += text + "\n";
  }
  return result;
}

}  // namespace berth::cli
