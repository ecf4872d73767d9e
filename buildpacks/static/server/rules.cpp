// SPDX-License-Identifier: Apache-2.0
#include "buildpacks/static/server/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace berth::site {
namespace {

std::string_view take(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const auto part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// Not those that frame the answer: they are the server's own.
bool is_header_name(std::string_view name) {
  for (const auto own : {"content-length", "transfer-encoding", "connection", "date"}) {
    if (same_name(name, own)) return false;
  }
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

bool is_path(std::string_view text) { return is_plain(text) && text.front() == '/'; }

std::optional<int> redirect_status(std::string_view text) {
  for (const int status : {301, 302, 303, 307, 308}) {
    if (text == std::to_string(status)) return status;
  }
  return std::nullopt;
}

bool apply(std::string_view line, Rules& rules) {
  std::array<std::string, 4> field;
  for (auto& part : field) part = take(line, '\t');
  if (!line.empty()) return false;
  const auto& [kind, first, second, third] = field;
  if (kind == "https_only") {
    rules.https_only = true;
  } else if (kind == "clean_urls") {
    rules.clean_urls = true;
  } else if (kind == "error_page" && is_path(first)) {
    rules.error_page = first;
  } else if (kind == "redirect" && is_path(first) && is_plain(second)) {
    const auto status = redirect_status(third);
    if (!status) return false;
    rules.redirects.push_back({first, second, *status});
  } else if (kind == "route" && is_path(first) && is_path(second)) {
    rules.routes.push_back({first, second});
  } else if (kind == "header" && is_path(first) && is_header_name(second) && is_plain(third)) {
    rules.headers.push_back({first, second, third});
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Rules> parse_rules(std::string_view text, std::string& error) {
  Rules rules;
  while (!text.empty()) {
    const auto line = take(text, '\n');
    if (line.empty() || apply(line, rules)) continue;
    error = line;
    return std::nullopt;
  }
  return rules;
}

// Remembers the last star of each kind and goes back to it on a mismatch; "**" may go further than
// "*", so a failed "*" gives the word back to the "**" before it.
bool pattern_matches(std::string_view pattern, std::string_view path) {
  struct Star {
    std::size_t pattern = std::string_view::npos;
    std::size_t path = 0;
  };
  Star one;
  Star any;
  std::size_t p = 0;
  std::size_t s = 0;
  while (true) {
    if (pattern.substr(p).starts_with("**")) {
      p += 2;
      any = {p, s};
      one = {};
    } else if (p < pattern.size() && pattern[p] == '*') {
      ++p;
      one = {p, s};
    } else if (p < pattern.size() && s < path.size() && pattern[p] == path[s]) {
      ++p;
      ++s;
    } else if (p == pattern.size() && s == path.size()) {
      return true;
    } else if (one.pattern != std::string_view::npos && one.path < path.size() &&
               path[one.path] != '/') {
      s = ++one.path;
      p = one.pattern;
    } else if (any.pattern != std::string_view::npos && any.path < path.size()) {
      s = ++any.path;
      p = any.pattern;
      one = {};
    } else {
      return false;
    }
  }
}

const Redirect* find_redirect(const Rules& rules, std::string_view path) {
  const auto found = std::ranges::find_if(
      rules.redirects, [&](const Redirect& rule) { return pattern_matches(rule.from, path); });
  return found == rules.redirects.end() ? nullptr : &*found;
}

std::string find_route(const Rules& rules, std::string_view path) {
  const auto found = std::ranges::find_if(
      rules.routes, [&](const Route& rule) { return pattern_matches(rule.pattern, path); });
  return found == rules.routes.end() ? std::string() : found->page;
}

std::vector<HeaderRule> headers_for(const Rules& rules, std::string_view path) {
  std::vector<HeaderRule> lines;
  for (const HeaderRule& rule : rules.headers) {
    if (!pattern_matches(rule.pattern, path)) continue;
    std::erase_if(lines, [&](const HeaderRule& line) { return same_name(line.name, rule.name); });
    lines.push_back(rule);
  }
  return lines;
}

}  // namespace berth::site
