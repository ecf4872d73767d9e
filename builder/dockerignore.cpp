// SPDX-License-Identifier: Apache-2.0
#include "builder/dockerignore.hpp"

#include "builder/path_patterns.hpp"

namespace berth::builder {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Docker's "**x" is any number of directories and then x, with or without a slash between.
std::string with_slashes(std::string pattern) {
  for (std::size_t at = pattern.find("**"); at != pattern.npos; at = pattern.find("**", at + 2)) {
    std::size_t end = at + 2;
    while (end < pattern.size() && pattern[end] == '*') pattern.erase(end, 1);
    if (end < pattern.size() && pattern[end] != '/') pattern.insert(end, "/");
  }
  return pattern;
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else
      parts.push_back(part);
  }
  std::string result;
  for (const auto& part : parts) result.append(result.empty() ? "" : "/").append(part);
  return result.empty() ? "." : result;
}

DockerIgnore DockerIgnore::parse(std::string_view text) {
  DockerIgnore result;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with('#')) continue;
    std::string_view rest = trimmed(line);
    Pattern pattern;
    pattern.negated = rest.starts_with('!');
    if (pattern.negated) rest = trimmed(rest.substr(1));
    if (rest.empty()) continue;
    // What lies outside is never copied; "." alone means nothing, as with Docker.
    pattern.text = with_slashes(clean_path(rest));
    if (pattern.text == ".") continue;
    result.patterns_.push_back(std::move(pattern));
  }
  return result;
}

bool DockerIgnore::ignores(std::string_view path) const {
  bool ignored = false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.negated != ignored) continue;
    bool fits = wild_match(pattern.text, path);
    for (auto slash = path.find('/'); !fits && slash != path.npos;
         slash = path.find('/', slash + 1))
      fits = wild_match(pattern.text, path.substr(0, slash));
    if (fits) ignored = !pattern.negated;
  }
  return ignored;
}

}  // namespace berth::builder
