// SPDX-License-Identifier: Apache-2.0
//
// What an app says about its static site beyond its files: redirects, routes, headers, an error
// page, https only, clean addresses. The static buildpack writes them from static.json or a
// Staticfile, one rule a line, fields apart by tabs. Pure.
//
//   https_only                           http becomes https (as X-Forwarded-Proto says)
//   clean_urls                           /about.html becomes /about
//   error_page   /errors/missing.html    instead of /404.html
//   redirect     /old/**   /new   301
//   route        /app/**   /index.html   for paths that name no file
//   header       /assets/**   Cache-Control   max-age=3600
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::site {

struct Redirect {
  std::string from;  // a pattern
  std::string to;    // a path or a whole URL
  int status = 301;
  bool operator==(const Redirect&) const = default;
};

struct Route {
  std::string pattern;
  std::string page;
  bool operator==(const Route&) const = default;
};

struct HeaderRule {
  std::string pattern;
  std::string name;
  std::string value;
  bool operator==(const HeaderRule&) const = default;
};

struct Rules {
  bool https_only = false;
  bool clean_urls = false;
  std::string error_page = "/404.html";
  std::vector<Redirect> redirects;
  std::vector<Route> routes;
  std::vector<HeaderRule> headers;
  bool operator==(const Rules&) const = default;
};

// nullopt: a line that is none of the above; `error` then says which.
[[nodiscard]] std::optional<Rules> parse_rules(std::string_view text, std::string& error);

// "*" stands for anything within one segment, "**" for anything at all.
[[nodiscard]] bool pattern_matches(std::string_view pattern, std::string_view path);

// The first of each kind that matches; nullptr, or empty, for none.
[[nodiscard]] const Redirect* find_redirect(const Rules& rules, std::string_view path);
[[nodiscard]] std::string find_route(const Rules& rules, std::string_view path);

// Header lines for an answer to this path. A later rule for a name replaces an earlier one.
[[nodiscard]] std::vector<HeaderRule> headers_for(const Rules& rules, std::string_view path);

}  // namespace berth::site
