// SPDX-License-Identifier: Apache-2.0
#include "builder/path_patterns.hpp"

#include <optional>

namespace berth::builder {

namespace {

/// How a character class "[…]" at the start of `pattern` judges a character; its length.
struct ClassMatch {
  bool matches = false;
  std::size_t length = 0;  ///< 0: it is not closed and so a plain '['
};

ClassMatch match_class(std::string_view pattern, char character) {
  std::size_t at = 1;
  const bool inverted = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (inverted) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) return {found != inverted, at + 1};
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      if (high == '\\' && at + 2 < pattern.size()) high = pattern[++at + 1];
      at += 2;
    }
    found = found || (low <= character && character <= high);
  }
  return {};
}

/// Matches one element of `pattern` that is neither '*' nor "**"; how much of it that was.
std::optional<std::size_t> match_character(std::string_view pattern, char character) {
  if (pattern[0] == '?') return character == '/' ? std::nullopt : std::optional<std::size_t>(1);
  if (pattern[0] == '[') {
    const ClassMatch result = match_class(pattern, character);
    if (result.length > 0)
      return result.matches && character != '/' ? std::optional(result.length) : std::nullopt;
  }
  const bool escaped = pattern[0] == '\\' && pattern.size() > 1;
  if (pattern[escaped ? 1 : 0] != character) return std::nullopt;
  return escaped ? 2 : 1;
}

bool starts_segment(std::string_view pattern, std::size_t at) {
  return at == 0 || pattern[at - 1] == '/';
}

}  // namespace

bool wild_match(std::string_view pattern, std::string_view path) {
  // A row a pattern position: which lengths of the path it has reached. No backtracking, so that
  // "*a*a*a*a*b" costs no more than its size times the path's.
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (std::size_t at = 0; at < pattern.size();) {
    std::vector<bool> next(path.size() + 1, false);
    const std::string_view rest = pattern.substr(at);
    const bool whole = rest.starts_with("**") && starts_segment(pattern, at) &&
                       (rest.size() == 2 || rest[2] == '/');
    if (whole && rest.size() > 2) {  // "**/": nothing, or any number of whole directories
      bool any = false;
      for (std::size_t i = 0; i <= path.size(); ++i) {
        next[i] = reached[i] || (any && i > 0 && path[i - 1] == '/');
        any = any || reached[i];
      }
      at += 3;
    } else if (rest[0] == '*') {
      std::size_t stars = 1;
      while (stars < rest.size() && rest[stars] == '*') ++stars;
      bool open = false;
      for (std::size_t i = 0; i <= path.size(); ++i) {
        if (i > 0 && path[i - 1] == '/' && !whole) open = false;
        open = open || reached[i];
        // A "/**" at the end is all that is inside, never the directory itself.
        next[i] = open && !(whole && reached[i] && i == path.size());
      }
      at += stars;
    } else {
      std::size_t length = 1;
      for (std::size_t i = 0; i < path.size(); ++i) {
        if (!reached[i]) continue;
        if (const auto matched = match_character(rest, path[i])) {
          next[i + 1] = true;
          length = *matched;
        }
      }
      at += length;
    }
    reached = std::move(next);
  }
  return reached[path.size()];
}

PathPatterns PathPatterns::parse(const std::vector<std::string>& lines, Negation negation) {
  PathPatterns result;
  for (std::string line : lines) {
    if (line.ends_with('\r')) line.pop_back();
    // Trailing spaces go unless they are quoted.
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    Pattern pattern;
    if (line.starts_with('!')) {
      if (negation == Negation::none) continue;
      pattern.negated = true;
      line.erase(0, 1);
    }
    if (line.ends_with('/')) {
      pattern.directories_only = true;
      line.pop_back();
    }
    pattern.anchored = line.find('/') != line.npos;
    while (line.starts_with('/') || line.starts_with("./")) line.erase(0, line[0] == '/' ? 1 : 2);
    if (line.empty()) continue;
    pattern.text = std::move(line);
    result.patterns_.push_back(std::move(pattern));
  }
  return result;
}

bool PathPatterns::match_one(std::string_view path, bool is_directory) const {
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->directories_only && !is_directory) continue;
    const std::string_view subject =
        pattern->anchored ? path : path.substr(path.rfind('/') + 1);  // npos + 1 is 0
    if (wild_match(pattern->text, subject)) return !pattern->negated;
  }
  return false;
}

bool PathPatterns::match(std::string_view path, bool is_directory) const {
  if (patterns_.empty()) return false;
  for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
    if (match_one(path.substr(0, slash), true)) return true;
  return match_one(path, is_directory);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace berth::builder
