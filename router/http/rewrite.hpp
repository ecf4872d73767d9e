// SPDX-License-Identifier: Apache-2.0
//
// What the router changes in a head on its way: the forwarded headers that Heroku's router sets are
// added, hop-by-hop fields removed (RFC 9110, section 7.6.1), all else is copied byte for byte.
// Pure: bytes in, bytes out, into a buffer that the caller sized by the bounds below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "router/http/request_head.hpp"
#include "router/http/response_head.hpp"

namespace berth::router::http {

/// 20 to 200 characters of the set that Heroku keeps: letters, digits, '+', '/', '=' and '-'.
[[nodiscard]] bool is_valid_request_id(std::string_view id);

struct RequestContext {
  std::string_view client_ip;  ///< of the connection
  std::string_view proto;  ///< "http" or "https"
  std::string_view port;   ///< that the client connected to
  std::string_view request_id;
  std::int64_t started_ms = 0;  ///< since the Unix epoch
  std::string_view version = "1.1";  ///< of HTTP, that the request came by
  std::string_view trace = {};       ///< a traceparent to add; "": none
  std::string_view origin_ip = {};   ///< that a trusted proxy before us states; empty: client_ip
};

/// Byte ranges of the rewritten head that the access log needs later.
struct RewrittenRequest {
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  std::size_t size = 0;
  Range method, target, host, forwarded_for, request_id;
};

/// Enough for rewrite_request() of a head of this size, whatever it holds.
[[nodiscard]] constexpr std::size_t rewritten_request_bound(std::size_t head_size) {
  return head_size + 1392;
}
[[nodiscard]] RewrittenRequest rewrite_request(const RequestHead& head,
                                               const RequestContext& context, char* out);

struct ResponseContext {
  bool client_is_http_1_0 = false;
  bool close = false;       ///< the connection to the client ends after this response
  bool upgrade = false;     ///< a 101 that becomes a tunnel
  std::string_view hsts;    ///< Strict-Transport-Security, unless the app sends its own; "": none
  std::string_view cookie;  ///< another Set-Cookie; "": none
};

inline constexpr std::size_t max_hsts_size = 100;
inline constexpr std::size_t max_cookie_size = 100;

[[nodiscard]] constexpr std::size_t rewritten_response_bound(std::size_t head_size) {
  return head_size + 384;
}
/// Returns the size of the rewritten head.
[[nodiscard]] std::size_t rewrite_response(const ResponseHead& head, const ResponseContext& context,
                                           char* out);

}  // namespace berth::router::http
