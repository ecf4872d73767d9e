// SPDX-License-Identifier: Apache-2.0
//
// A small blocking HTTP/1.1 client for the CLI, for health checks and for tests: one request, one
// response, a deadline, optional streaming of the body. Beast stays inside the .cpp.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;
  int port = 0;
  std::string target;  ///< path and query, at least "/"

  [[nodiscard]] static Result<Url> parse(std::string_view text);
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  /// If set, the body is this file's content, read as it is sent.
  std::filesystem::path body_file = {};
  /// PEM of authorities to trust beside the system's.
  std::filesystem::path trusted = {};
  /// For the whole exchange; with on_data: for each wait for more data.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
  /// If set, the body of a 2xx response is given piece by piece and not kept; false stops reading.
  std::function<bool(std::string_view)> on_data = {};
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string>
      headers;  ///< names in lower case; repeated ones joined by ", "
  std::string body;

  [[nodiscard]] std::string header(std::string_view lower_case_name) const;
};

/// "localhost" and all below it: the loopback, whatever the system's resolver says (RFC 6761,
/// section 6.3).
[[nodiscard]] bool is_localhost(std::string_view host);

[[nodiscard]] Result<HttpResponse> http_request(const HttpRequest& request);

}  // namespace berth
