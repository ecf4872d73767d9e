// SPDX-License-Identifier: Apache-2.0
//
// Scans one HTTP/1 request head, strictly (RFC 9112): whatever two parsers could read differently
// is refused, never repaired, since a repaired request is how one user's bytes become another's
// request. The result points into the scanned bytes. Nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "router/http/fields.hpp"

namespace berth::router::http {

inline constexpr std::size_t max_head_size = 16 * 1024;
inline constexpr std::size_t max_host_size = 255;

/// The form in which the client would like to read an error page.
enum class Accepts : std::uint8_t { text, html, json };

struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< origin form ("/a?b") or "*"; the absolute form is reduced to this
  std::string_view host;    ///< as sent, with the port; empty for HTTP/1.0 without Host
  int minor_version = 1;    ///< HTTP/1.<minor>
  std::size_t size = 0;     ///< bytes of the head with its empty line
  Framing framing;
  ConnectionOptions connection;
  bool keep_alive = true;      ///< the client can take another response on this connection
  bool is_head = false;
  bool is_idempotent = false;  ///< RFC 9110, section 9.2.2
  std::string_view upgrade;    ///< protocol asked for by "Connection: upgrade", else empty
  std::string_view request_id;
  Accepts accepts = Accepts::text;
  Fields fields;
};

/// `complete`: `head` is filled, `head.size` bytes are the head.
/// `incomplete`: more bytes are needed.
[[nodiscard]] Scan scan_request(std::string_view data, RequestHead& head);

}  // namespace berth::router::http
