// SPDX-License-Identifier: Apache-2.0
#include "api/route_table.hpp"

#include <algorithm>

namespace berth::api {

namespace {

/// One segment: "{name}", "{name}.suffix" or a word.
bool match_segment(std::string_view pattern, const std::string& segment,
                   std::map<std::string, std::string>& params) {
  if (!pattern.starts_with('{')) return pattern == segment;
  const auto close = pattern.find('}');
  const std::string_view suffix = pattern.substr(close + 1);
  if (segment.size() <= suffix.size() || !segment.ends_with(suffix)) return false;
  params[std::string(pattern.substr(1, close - 1))] =
      segment.substr(0, segment.size() - suffix.size());
  return true;
}

}  // namespace

std::optional<std::map<std::string, std::string>> match_pattern(
    std::string_view pattern, const std::vector<std::string>& segments) {
  std::map<std::string, std::string> params;
  pattern.remove_prefix(1);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (pattern.empty()) return std::nullopt;
    const auto slash = pattern.find('/');
    if (!match_segment(pattern.substr(0, slash), segments[i], params)) return std::nullopt;
    pattern.remove_prefix(slash == std::string_view::npos ? pattern.size() : slash + 1);
  }
  if (!pattern.empty()) return std::nullopt;
  return params;
}

Outcome<Match> find_route(std::string_view method, std::string_view path) {
  const auto segments = path_segments(path);
  if (!segments) return bad_request("the path has a broken percent-encoding");
  std::string allowed;
  for (const Route& route : all_routes()) {
    auto params = match_pattern(route.pattern, *segments);
    if (!params) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET"))
      return Match{&route, std::move(*params)};
    if (allowed.find(route.method) == std::string::npos)
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty())
    return not_found("nothing is served at " + std::string(path.substr(0, 200)) +
                     ". GET /schema lists all there is");
  Problem problem(405, "method_not_allowed",
                  "this path answers " + allowed + ", not " + std::string(method.substr(0, 20)));
  problem.headers.emplace_back("Allow", allowed);
  return problem;
}

}  // namespace berth::api
