// SPDX-License-Identifier: Apache-2.0
#include "cli/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace berth::cli {

namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;  ///< 1 and code 0xFFFD where the bytes are not UTF-8
};

Character decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 && first < 0xf5   ? 4
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xc2 && first < 0xe0 ? 2
                                                             : 0;
  if (length == 0 || text.size() < length) return {0xfffd, 1};
  char32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {0xfffd, 1};
    code = code << 6U | (byte(i) & 0x3fU);
  }
  return {code, length};
}

using Range = std::pair<char32_t, char32_t>;

// The blocks that names, paths and messages really contain; wcwidth(3) would depend on the locale.
constexpr std::array<Range, 6> no_cell = {{{0x0300, 0x036f},
                                           {0x200b, 0x200f},
                                           {0x2028, 0x202e},
                                           {0x2060, 0x2064},
                                           {0xfe00, 0xfe0f},
                                           {0xfeff, 0xfeff}}};
constexpr std::array<Range, 11> two_cells = {{{0x1100, 0x115f},
                                              {0x2e80, 0x303e},
                                              {0x3041, 0xa4cf},
                                              {0xa960, 0xa97c},
                                              {0xac00, 0xd7a3},
                                              {0xf900, 0xfaff},
                                              {0xfe30, 0xfe6f},
                                              {0xff00, 0xff60},
                                              {0xffe0, 0xffe6},
                                              {0x1f300, 0x1faff},
                                              {0x20000, 0x3fffd}}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [code](Range range) { return range.first <= code && code <= range.second; });
}

std::size_t cells(char32_t code) {
  return contains(no_cell, code) ? 0 : contains(two_cells, code) ? 2 : 1;
}

bool is_control(char32_t code) {
  // C0, DEL, C1, line separators, and the bidirectional overrides that can make text lie.
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

/// Bytes of the colour sequence (ESC [ digits ; m) that the text begins with, or 0.
std::size_t colour_sequence(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const auto end = text.find_first_not_of("0123456789;:", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

/// Bytes of the escape sequence that the text begins with: ESC and a CSI, an OSC or one character.
std::size_t escape_sequence(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    const auto end =
        std::ranges::find_if(text.substr(2), [](char c) { return c >= '@' && c <= '~'; });
    return std::min<std::size_t>(static_cast<std::size_t>(end - text.begin()) + 1, text.size());
  }
  if (text[1] == ']') {
    const auto end = text.find_first_of("\x07\x1b", 2);
    return end == std::string_view::npos ? text.size() : end + (text[end] == '\x07' ? 1 : 0);
  }
  return 2;
}

std::string clean(std::string_view text, bool log) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [code, bytes] = decode(text);
    std::size_t taken = bytes;
    if (log && code == 0x1b) {
      const std::size_t colour = colour_sequence(text);
      result.append(text.substr(0, colour));
      taken = colour ? colour : escape_sequence(text);
    } else if (code == 0xfffd && bytes == 1) {
      result += "\xef\xbf\xbd";
    } else if (is_control(code) && !(log && code == '\t')) {
      result += ' ';
    } else {
      result.append(text.substr(0, bytes));
    }
    text.remove_prefix(taken);
  }
  return result;
}

void write_pretty(std::string& out, const json::value& value, std::size_t depth) {
  const std::string inner((depth + 1) * 2, ' ');
  const std::string outer(depth * 2, ' ');
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if (object && !object->empty()) {
    const char* separator = "{\n";
    for (const auto& [key, field] : *object) {
      out += separator + inner + to_text(json::value(key)) + ": ";
      write_pretty(out, field, depth + 1);
      separator = ",\n";
    }
    out += "\n" + outer + "}";
  } else if (array && !array->empty()) {
    const char* separator = "[\n";
    for (const auto& element : *array) {
      out += separator + inner;
      write_pretty(out, element, depth + 1);
      separator = ",\n";
    }
    out += "\n" + outer + "]";
  } else {
    out += to_text(value);
  }
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [code, bytes] = decode(text);
    width += cells(code);
    text.remove_prefix(bytes);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto [code, bytes] = decode(text);
    if (used + cells(code) > width - 1) break;
    used += cells(code);
    result.append(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return result + "…";
}

std::string printable(std::string_view text) { return clean(text, false); }
std::string printable_log(std::string_view text) { return clean(text, true); }

std::string relative_time(Time then, Time now) {
  using namespace std::chrono;
  const bool ahead = then > now;
  const auto distance = duration_cast<seconds>(ahead ? then - now : now - then);
  std::string amount;
  if (distance < 3s) return "just now";
  if (distance < 60s)
    amount = fmt::format("{} s", distance.count());
  else if (distance < 1h)
    amount = fmt::format("{} min", duration_cast<minutes>(distance).count());
  else if (distance < 48h)
    amount = fmt::format("{} h", duration_cast<hours>(distance).count());
  else if (distance < days(30))
    amount = fmt::format("{} days", duration_cast<days>(distance).count());
  else
    return rfc3339(then).substr(0, 10);
  return ahead ? "in " + amount : amount + " ago";
}

std::string relative_time(std::string_view timestamp, Time now) {
  const auto then = parse_rfc3339(timestamp);
  return then ? relative_time(*then, now) : printable(timestamp);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto amount = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (amount < 999.95) break;
    amount /= 1000;
    unit = next;
  }
  return fmt::format("{:.1f} {}", amount, unit);
}

std::string pretty_json(const json::value& value) {
  std::string out;
  write_pretty(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace berth::cli
