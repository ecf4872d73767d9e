// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns without borders. Pure: rows in, text out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/style.hpp"

namespace berth::cli {

/// The text is made printable by the table.
struct Cell {
  std::string text;
  Colour colour = Colour::none;

  // NOLINTNEXTLINE(google-explicit-constructor): most cells are plain text.
  Cell(std::string plain, Colour paint = Colour::none) : text(std::move(plain)), colour(paint) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Cell(const char* plain) : text(plain) {}
};

class Table {
 public:
  /// An empty header prints no header line.
  explicit Table(std::vector<std::string> header = {}) : header_(std::move(header)) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Two spaces between columns, no trailing blanks. With `columns` > 0 the last cell of a line is
  /// cut so that the line fits; a column that is empty in every row is left out.
  [[nodiscard]] std::string render(Style style, int columns = 0, std::size_t indent = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

/// Names on the left, values on the right, indented by two: what `info` commands print.
class Fields {
 public:
  /// Empty values are left out.
  void add(std::string name, Cell value) {
    if (!value.text.empty()) table_.add({Cell(std::move(name), Colour::dim), std::move(value)});
  }
  [[nodiscard]] std::string render(Style style) const { return table_.render(style, 0, 2); }

 private:
  Table table_;
};

}  // namespace berth::cli
