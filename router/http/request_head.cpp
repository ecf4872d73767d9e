// SPDX-License-Identifier: Apache-2.0
#include "router/http/request_head.hpp"

#include <cstring>

#include "router/http/characters.hpp"

namespace berth::router::http {

namespace {

constexpr std::size_t max_method_size = 32;
constexpr std::string_view http_1 = "HTTP/1.";

/// "GET /path HTTP/1.1\r\n"; single spaces, nothing before, nothing after.
Scan scan_request_line(const char*& at, const char* end, RequestHead& head) {
  const char* const method = at;
  while (at != end && is_token(*at)) ++at;
  if (static_cast<std::size_t>(at - method) > max_method_size)
    return scan_invalid(400, "method too long");
  if (at == end) return scan_incomplete();
  if (*at != ' ' || at == method) return scan_invalid(400, "invalid request line");
  head.method = {method, static_cast<std::size_t>(at - method)};

  const char* const target = ++at;
  at = find_target_end(at, end);
  if (at == end) return scan_incomplete();
  if (*at != ' ' || at == target) return scan_invalid(400, "invalid request line");
  head.target = {target, static_cast<std::size_t>(at - target)};

  const char* const version = ++at;
  const auto have = static_cast<std::size_t>(end - version);
  const std::size_t prefix = have < http_1.size() ? have : http_1.size();
  if (std::memcmp(version, http_1.data(), prefix) != 0) {
    const bool other_http = have >= 8 && std::memcmp(version, "HTTP/", 5) == 0 &&
                            is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (other_http) return scan_invalid(505, "only HTTP/1.1 and HTTP/1.0 are served here");
    return have >= 8 || std::memcmp(version, "HTTP/", prefix < 5 ? prefix : 5) != 0
               ? scan_invalid(400, "invalid HTTP version")
               : scan_incomplete();
  }
  if (have < 9) return scan_incomplete();
  if (!is_digit(version[7])) return scan_invalid(400, "invalid HTTP version");
  if (version[7] > '1') return scan_invalid(505, "only HTTP/1.1 and HTTP/1.0 are served here");
  head.minor_version = version[7] - '0';
  if (version[8] != '\r') return scan_invalid(400, "invalid request line");
  if (have < 10) return scan_incomplete();
  if (version[9] != '\n') return scan_invalid(400, "bare carriage return");
  at = version + 10;
  return scan_complete();
}

bool is_host_byte(char c) {
  // reg-name and IP literals of RFC 3986, section 3.2.2, without what URLs use to delimit.
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '.' ||
         c == '_' || c == ':' || c == '[' || c == ']' || c == '~' || c == '%';
}

/// Reduces "http://host/path" to "/path" if it names the same host as the Host field.
Scan reduce_target(RequestHead& head) {
  std::string_view target = head.target;
  // Whoever knows these two reads no body, or no head, whatever target and framing say.
  if (head.method == "CONNECT") return scan_invalid(405, "CONNECT is not supported");
  if (head.method == "PRI") return scan_invalid(400, "a method that is HTTP/2's own");
  if (target.front() == '/') return scan_complete();
  if (target == "*")
    return head.method == "OPTIONS" ? scan_complete() : scan_invalid(400, "invalid request target");
  std::size_t scheme = 0;
  if (target.size() > 7 && equals_ignoring_case(target.substr(0, 7), "http://")) scheme = 7;
  if (target.size() > 8 && equals_ignoring_case(target.substr(0, 8), "https://")) scheme = 8;
  if (scheme == 0) return scan_invalid(400, "invalid request target");
  target.remove_prefix(scheme);
  const std::size_t path = target.find_first_of("/?#");
  const std::string_view authority = target.substr(0, path);
  if (authority.size() != head.host.size())
    return scan_invalid(400, "the request target and Host differ");
  for (std::size_t i = 0; i < authority.size(); ++i)
    if (to_lower(authority[i]) != to_lower(head.host[i]))
      return scan_invalid(400, "the request target and Host differ");
  if (path == std::string_view::npos) {
    head.target = "/";
    return scan_complete();
  }
  head.target = target.substr(path);
  return head.target.front() == '/' ? scan_complete()
                                    : scan_invalid(400, "invalid request target");
}

Accepts read_accept(std::string_view value) {
  if (value.find("text/html") != std::string_view::npos) return Accepts::html;
  if (value.find("json") != std::string_view::npos) return Accepts::json;
  return Accepts::text;
}

bool is_idempotent_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

/// What the fields mean together: routing, framing, the connection.
Scan read_fields(RequestHead& head) {
  std::string_view upgrade;
  bool has_host = false;
  for (const Field& field : head.fields.all()) {
    switch (field.known) {
      case FieldName::host:
        if (has_host) return scan_invalid(400, "more than one Host header");
        has_host = true;
        head.host = field.value();
        break;
      case FieldName::content_length:
        if (head.framing.has_length) return scan_invalid(400, "more than one Content-Length");
        if (!parse_content_length(field.value(), head.framing.length))
          return scan_invalid(400, "invalid Content-Length");
        head.framing.has_length = true;
        break;
      case FieldName::transfer_encoding:
        if (head.framing.chunked) return scan_invalid(400, "more than one Transfer-Encoding");
        if (!equals_ignoring_case(field.value(), "chunked"))
          return scan_invalid(400, "Transfer-Encoding other than chunked");
        head.framing.chunked = true;
        break;
      case FieldName::framing_twin:
        return scan_invalid(400, "header name that imitates message framing");
      case FieldName::connection: read_connection(field.value(), head.connection); break;
      case FieldName::upgrade: upgrade = field.value(); break;
      case FieldName::x_request_id: head.request_id = field.value(); break;
      case FieldName::accept: head.accepts = read_accept(field.value()); break;
      default: break;
    }
  }
  if (!has_host && head.minor_version == 1) return scan_invalid(400, "Host header is missing");
  if (head.host.size() > max_host_size) return scan_invalid(400, "Host is too long");
  for (const char c : head.host)
    if (!is_host_byte(c)) return scan_invalid(400, "invalid Host");
  if (head.framing.chunked && head.framing.has_length)
    return scan_invalid(400, "both Transfer-Encoding and Content-Length");
  if (head.framing.chunked && head.minor_version == 0)
    return scan_invalid(400, "Transfer-Encoding in an HTTP/1.0 request");
  if (head.connection.names_forbidden)
    return scan_invalid(400, "Connection names a header that routing needs");
  head.keep_alive = head.minor_version == 1 ? !head.connection.close
                                            : head.connection.keep_alive && !head.connection.close;
  // h2c by upgrade is deprecated (RFC 9113, section 3.1) and would hide requests from the router.
  if (head.connection.upgrade && head.minor_version == 1 && !equals_ignoring_case(upgrade, "h2c"))
    head.upgrade = upgrade;
  return scan_complete();
}

void clear(RequestHead& head) {
  head.method = head.target = head.host = head.upgrade = head.request_id = {};
  head.minor_version = 1;
  head.size = 0;
  head.framing = {};
  head.connection = {};
  head.accepts = Accepts::text;
}

}  // namespace

Scan scan_request(std::string_view data, RequestHead& head) {
  clear(head);
  const char* const begin = data.data();
  const char* const end = begin + data.size();
  const char* at = begin;
  // One empty line before a request is ignored (RFC 9112, section 2.2).
  if (at != end && *at == '\r') {
    if (end - at == 1) return scan_incomplete();
    if (at[1] != '\n') return scan_invalid(400, "bare carriage return");
    at += 2;
  }
  Scan scan = scan_request_line(at, end, head);
  const bool in_line = scan.status == ScanStatus::incomplete;
  if (scan.status == ScanStatus::complete) scan = scan_fields(at, end, head.fields);
  if (scan.status == ScanStatus::incomplete && data.size() >= max_head_size)
    return in_line ? scan_invalid(414, "request target too long")
                   : scan_invalid(431, "request head too large");
  if (scan.status != ScanStatus::complete) return scan;
  head.size = static_cast<std::size_t>(at - begin);
  if (head.size > max_head_size) return scan_invalid(431, "request head too large");
  scan = read_fields(head);
  if (scan.status != ScanStatus::complete) return scan;
  head.is_head = head.method == "HEAD";
  head.is_idempotent = is_idempotent_method(head.method);
  return reduce_target(head);
}

}  // namespace berth::router::http
