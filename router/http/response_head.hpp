// SPDX-License-Identifier: Apache-2.0
//
// Scans one HTTP/1 response head from a replica, as strictly as a request: a replica that frames
// its answer in two ways would poison the answers behind it. What does not scan is an H17.
#pragma once

#include <cstddef>
#include <string_view>

#include "router/http/fields.hpp"

namespace berth::router::http {

struct ResponseHead {
  int status = 0;
  std::string_view status_text;  ///< from the status code on: "200 OK"
  int minor_version = 1;
  std::size_t size = 0;
  Framing framing;
  ConnectionOptions connection;
  bool keep_alive = true;  ///< the replica will take another request on this connection
  bool has_upgrade = false;
  Fields fields;
};

[[nodiscard]] Scan scan_response(std::string_view data, ResponseHead& head);

/// Whether a response has no body whatever its fields say (RFC 9112, section 6.3).
[[nodiscard]] constexpr bool has_no_body(int status, bool to_head) {
  return to_head || status < 200 || status == 204 || status == 304;
}

}  // namespace berth::router::http
