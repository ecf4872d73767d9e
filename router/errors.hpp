// SPDX-License-Identifier: Apache-2.0
//
// The failures of a request, by the codes that Heroku's users know, and the page that a person or a
// program gets with each; and the other answers of the router's own. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "router/http/request_head.hpp"

namespace berth::router {

enum class ErrorCode : std::uint8_t {
  none,
  no_such_app,
  bad_request,
  forbidden,        ///< from an address that the app does not allow
  unauthorized,     ///< without a password that the app asks for
  rate_limited,
  body_too_large,
  head_too_large,
  H10,  ///< app crashed
  H11,  ///< backlog too deep
  H12,  ///< no first byte in time
  H13,  ///< connection closed without a response
  H14,  ///< no web replicas
  H15,  ///< idle connection
  H17,  ///< poorly formatted response
  H18,  ///< replica broke off in the middle of a response
  H19,  ///< connect timeout
  H20,  ///< app did not wake in time
  H21,  ///< connection refused
  H22,  ///< as many requests in flight as the app allows
  H27,  ///< the client went away
  H28,  ///< the client stopped sending
  H80,  ///< maintenance
  H81,  ///< nothing deployed
  H99,  ///< an error of the platform
};
inline constexpr std::size_t error_code_count = static_cast<std::size_t>(ErrorCode::H99) + 1;

struct ErrorInfo {
  std::string_view code;         ///< "H12"
  int status;                    ///< of the response, or for the log where none can be sent
  std::string_view description;  ///< as in the log: "Request timeout"
  std::string_view advice;       ///< a sentence for the page
};
[[nodiscard]] const ErrorInfo& info(ErrorCode code);

/// Where the time went; -1: it did not come to that.
struct ErrorTimes {
  std::int64_t held_us = -1;     ///< until there was a replica
  std::int64_t connect_us = -1;  ///< to it
  std::int64_t wait_us = -1;     ///< for its answer
  std::int64_t total_us = -1;
};

struct ErrorPage {
  ErrorCode code = ErrorCode::H99;
  int status = 0;             ///< 0: that of the code
  std::string_view app;       ///< empty: unknown
  std::string_view host;
  std::string_view message;   ///< of the app's state or of the scanner; replaces the advice
  std::string_view request_id;
  std::string_view fields;    ///< more lines of the head
  std::string_view html;      ///< the app's own page, for those who want HTML; empty: the router's
  ErrorTimes times = {};
  http::Accepts accepts = http::Accepts::text;
  bool to_head = false;       ///< answer to a HEAD request: no body
  bool close = false;
  bool http_1_0 = false;
};

/// The whole response, head and body.
[[nodiscard]] std::string render(const ErrorPage& page);

/// From plain HTTP to the same host and target by HTTPS.
struct Redirect {
  std::string_view host;
  std::string_view https_port;
  std::string_view target;
  std::string_view request_id;
  bool close = false;
  bool http_1_0 = false;
};
[[nodiscard]] std::string render(const Redirect& redirect);

/// An answer of 200 with a text.
[[nodiscard]] std::string render_text(std::string_view text, bool close);

[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace berth::router
