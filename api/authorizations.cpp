// SPDX-License-Identifier: Apache-2.0
//
// Tokens, and the dashboard's sessions, which are tokens that expire.
#include <algorithm>

#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

namespace {

constexpr auto session_lifetime = std::chrono::hours(24 * 14);
constexpr std::int64_t longest_expiry_s = 10LL * 366 * 24 * 3600;

/// `seconds` < 0 takes the cookie away.
std::string session_cookie_of(const Call& call, std::string_view value, std::int64_t seconds) {
  std::string text = std::string(session_cookie) + "=" + std::string(value) +
                     "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                     std::to_string(std::max<std::int64_t>(seconds, 0));
  if (call.request.header("x-forwarded-proto") == "https") text += "; Secure";
  return text;
}

}  // namespace

Answer create_authorization(Call& call) {
  const std::string description = optional_string(call.body, "description").value_or("token");
  if (description.size() > 200)
    return invalid_params("the description is longer than 200 characters");
  std::optional<Time> expires_at;
  if (const auto* given = call.body.if_contains("expires_in"); given && !given->is_null()) {
    const auto seconds = optional_int(call.body, "expires_in");
    if (!seconds || *seconds < 1 || *seconds > longest_expiry_s)
      return invalid_params("expires_in must be a number of seconds, from 1 to ten years");
    expires_at = now() + std::chrono::seconds(*seconds);
  }
  const auto issued =
      call.store().create_token(call.identity.token.user, description, expires_at, call.actor());
  return json_response(call.render().authorization(issued.token, &issued.secret), 201);
}

Answer list_authorizations(Call& call) {
  std::vector<ListItem> items;
  for (const platform::Token& token : call.store().tokens())
    items.push_back({{token.created_at.time_since_epoch().count(), token.id.value},
                     [&call, token] { return call.render().authorization(token); }});
  return list_response(call.request, {"created_at", "id"}, std::move(items));
}

Answer delete_authorization(Call& call) {
  // "~" is the token of this very request, as in the Platform API.
  const std::string& name = call.param("authorization");
  const std::string id = name == "~" ? call.identity.token.id.value : name;
  BERTH_ASSIGN(const platform::Token token,
               or_missing(call.store().revoke_token(id, call.actor()), "authorization"));
  return json_response(call.render().authorization(token));
}

Answer create_session(Call& call) {
  // Another site's form cannot send this type, so nobody is signed in as somebody else unawares.
  if (media_type(call.request.header("content-type")) != "application/json")
    return bad_request("the body must be application/json");
  BERTH_ASSIGN(const std::string secret, require_string(call.body, "token"));
  Request asking = call.request;
  std::erase_if(asking.headers, [](const auto& header) {
    return header.first == "authorization" || header.first == "cookie";
  });
  asking.headers.emplace_back("authorization", "Bearer " + secret);
  BERTH_ASSIGN(const Identity identity, call.context->authentication.identify(asking));
  const auto issued = call.store().create_token(identity.token.user, "dashboard session",
                                                now() + session_lifetime, {identity.token.user});
  Response response = json_response({{"user", call.render().account(identity.token.user)}}, 201);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(session_lifetime).count();
  response.headers.emplace_back("Set-Cookie", session_cookie_of(call, issued.secret, seconds));
  return response;
}

Answer delete_session(Call& call) {
  // A bearer's token is not a session: signing out of the dashboard must not revoke it.
  if (call.identity.by_cookie)
    BERTH_TRY(call.store().revoke_token(call.identity.token.id.value, call.actor()));
  Response response = json_response(json::object{});
  response.headers.emplace_back("Set-Cookie", session_cookie_of(call, "", -1));
  return response;
}

}  // namespace berth::api
