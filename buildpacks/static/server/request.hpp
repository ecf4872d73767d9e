// SPDX-License-Identifier: Apache-2.0
//
// Reads an HTTP/1.x request head and turns its target into a path below the site's root. Strict:
// what is ambiguous is refused, because behind a router two readings of one request are an attack.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::site {

enum class Method { get, head, other };

struct Request {
  Method method = Method::other;
  std::string path;   // decoded, starts with '/', no empty, "." or ".." segments; see decode_target
  std::string query;  // raw, with its '?', or empty
  bool keep_alive = true;
  bool has_body = false;
  std::string_view host;               // points into the head
  std::string_view forwarded_proto;    // points into the head; the router sets it
  std::string_view if_none_match;      // points into the head
  std::string_view if_modified_since;  // points into the head
  std::string_view range;              // points into the head
  std::string_view if_range;           // points into the head
};

// The head is everything up to and including the empty line. nullopt: the answer is 400.
[[nodiscard]] std::optional<Request> parse_request(std::string_view head);

// "/a%20b/?q" → "/a b/". nullopt for anything that is no plain path below the root: bad escapes,
// NUL, backslashes, "..", an absolute URL. A trailing slash is kept.
[[nodiscard]] std::optional<std::string> decode_target(std::string_view target);

// Whether a path names something that is not for visitors: a segment that starts with a
// dot, but for /.well-known.
[[nodiscard]] bool is_hidden(std::string_view path);

struct ByteRange {
  unsigned long long first = 0;
  unsigned long long last = 0;  // inclusive
  bool operator==(const ByteRange&) const = default;
};

enum class RangeKind { whole, part, unsatisfiable };

struct RangeAnswer {
  RangeKind kind = RangeKind::whole;
  ByteRange bytes;
};

// One range of the Range header against a file of `size` bytes; several ranges or a form that is
// not understood mean the whole file (RFC 9110, 14.2).
[[nodiscard]] RangeAnswer resolve_range(std::string_view header, unsigned long long size);

// Whether an If-None-Match list holds the tag (weak comparison).
[[nodiscard]] bool etag_matches(std::string_view list, std::string_view etag);

}  // namespace berth::site
