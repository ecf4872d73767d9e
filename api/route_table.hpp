// SPDX-License-Identifier: Apache-2.0
//
// The one table of all routes: what the dispatcher matches by and what the
// OpenAPI document is made of.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/context.hpp"

namespace berth::api {

enum class Access {
  token,         ///< a token or the dashboard's session
  token_or_key,  ///< that, or a key in the URL that the handler checks
  open,          ///< anyone, or the handler checks a credential of its own
};

enum class Body {
  json,      ///< read whole, parsed into Call::body
  streamed,  ///< the handler reads it
};

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/apps/{app}/dynos/{dyno}", "/{app}.git/info/refs"
  std::variant<PlainHandler, StreamHandler> handler;
  std::string_view summary;
  std::string_view answer =
      {};  ///< shape of schema.cpp, "[App]" for a list, "text", "events", "" none
  std::string_view takes = {};  ///< shape of the body, or nothing
  int status = 200;
  Access access = Access::token;
  Body body = Body::json;

  [[nodiscard]] bool is_git() const { return pattern.starts_with("/{app}.git/"); }
};

struct Match {
  const Route* route;
  std::map<std::string, std::string> params;
};

[[nodiscard]] std::span<const Route> all_routes();

/// The parameters, if the decoded segments fit the pattern.
[[nodiscard]] std::optional<std::map<std::string, std::string>> match_pattern(
    std::string_view pattern, const std::vector<std::string>& segments);

/// The route of a request, or 404, or 405 with Allow. HEAD finds the GET route.
[[nodiscard]] Outcome<Match> find_route(std::string_view method, std::string_view path);

}  // namespace berth::api
