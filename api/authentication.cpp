// SPDX-License-Identifier: Apache-2.0
#include "api/authentication.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace berth::api {

namespace {

constexpr double most_failures = 20;
constexpr double seconds_a_failure = 3;
constexpr std::size_t most_peers = 4096;

struct Credential {
  std::string secret;
  bool by_cookie = false;
};

/// Nothing if the request brings none.
std::optional<Credential> credential_of(const Request& request) {
  const std::string_view header = request.header("authorization");
  const auto space = header.find(' ');
  if (!header.empty()) {
    const std::string scheme = lower_case(header.substr(0, space));
    std::string_view value =
        space == std::string_view::npos ? std::string_view() : header.substr(space + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (scheme == "bearer") return Credential{std::string(value)};
    if (scheme != "basic") return Credential{};
    const auto decoded = base64_decode(value);
    if (decoded.has_error()) return Credential{};
    const auto colon = decoded->find(':');
    return Credential{colon == std::string::npos ? *decoded : decoded->substr(colon + 1)};
  }
  const std::string_view session = cookie(request.header("cookie"), session_cookie);
  if (session.empty()) return std::nullopt;
  return Credential{std::string(session), true};
}

bool changes_something(const Request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

Problem unauthorized(std::string_view message, bool by_cookie) {
  Problem problem(401, "unauthorized", message);
  // A browser shows its own password box for this header: not where the dashboard asks.
  if (!by_cookie) problem.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Berth\"");
  return problem;
}

}  // namespace

bool FailureLimit::exceeded(const std::string& peer, Clock::time_point at) {
  if (buckets_.size() >= most_peers && !buckets_.contains(peer)) {
    std::erase_if(buckets_, [&](const auto& entry) {
      return std::chrono::duration<double>(at - entry.second.at).count() >
             entry.second.failures * seconds_a_failure;
    });
    if (buckets_.size() >= most_peers) return true;
  }
  Bucket& bucket = buckets_[peer];
  const double elapsed = std::chrono::duration<double>(at - bucket.at).count();
  bucket.failures = std::max(0.0, bucket.failures - elapsed / seconds_a_failure);
  bucket.at = at;
  if (bucket.failures + 1 > most_failures) return true;
  bucket.failures += 1;
  return false;
}

Outcome<Identity> Authentication::identify(const Request& request) {
  const auto credential = credential_of(request);
  const bool from_dashboard = request.header("x-berth-request") == "dashboard";
  if (!credential)
    return unauthorized(
        "a token is needed: `Authorization: Bearer TOKEN`, or the token as password. "
        "`berth login` stores one",
        from_dashboard);
  auto token = store_.authenticate(credential->secret);
  if (token.has_error()) {
    if (token.error().kind != ErrorKind::unauthorized) return token.error();
    if (failures_.exceeded(request.peer, FailureLimit::Clock::now())) {
      Problem problem(429, "rate_limit", "too many requests with a wrong token; wait a little");
      problem.headers.emplace_back("Retry-After",
                                   std::to_string(static_cast<int>(seconds_a_failure)));
      return problem;
    }
    return unauthorized(token.error().message, credential->by_cookie || from_dashboard);
  }
  if (credential->by_cookie && !from_dashboard && changes_something(request))
    return Problem(
        403, "forbidden",
        "a change by the dashboard's cookie needs the header `X-Berth-Request: dashboard`");
  return Identity{
      .token = std::move(*token), .secret = credential->secret, .by_cookie = credential->by_cookie};
}

}  // namespace berth::api
