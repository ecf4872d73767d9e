// SPDX-License-Identifier: Apache-2.0
//
// Requests, answers and errors as plain values: what handlers see of HTTP. No Asio, no Beast, so
// that a handler's unit compiles in a moment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::api {

/// In order of appearance; the names of a request are in lower case.
using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string target;                        ///< as sent: path and query
  std::string path;                          ///< without query, not yet percent-decoded
  std::map<std::string, std::string> query;  ///< decoded; the last of equal names wins
  Headers headers;
  std::string peer;  ///< the client's address
  std::string id;    ///< Request-Id, echoed or made

  /// The first header of this name, or "".
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
};

/// An error as the API shows it: `{"id":…,"message":…,"resource":…}`.
struct Problem {
  int status = 500;
  std::string id = "internal";
  std::string message = {};
  std::string resource = {};  ///< which kind of thing was not found
  Headers headers = {};       ///< further headers of the answer

  Problem() = default;
  Problem(int status_code, std::string_view error_id, std::string_view text)
      : status(status_code), id(error_id), message(text) {}
  /// Implicit, so that BERTH_TRY hands an Error of the store on as the answer it deserves.
  Problem(const Error& error);  // NOLINT(google-explicit-constructor)
};

[[noreturn]] void throw_exception_from_error(const Problem& problem, const boost::source_location&);

template <class T>
using Outcome = boost::system::result<T, Problem>;
using Answer = Outcome<Response>;

/// The same outcome; if it is "not found", it says of what.
template <class T>
[[nodiscard]] Outcome<T> or_missing(Result<T> result, std::string_view resource) {
  if (!result.has_error()) return std::move(*result);
  Problem problem(result.error());
  if (problem.status == 404) problem.resource = resource;
  return problem;
}

[[nodiscard]] Response json_response(const json::value& value, int status = 200);
[[nodiscard]] Response text_response(std::string text, int status = 200);
[[nodiscard]] Response problem_response(const Problem& problem);

[[nodiscard]] Problem invalid_params(std::string_view message);
[[nodiscard]] Problem bad_request(std::string_view message);
[[nodiscard]] Problem not_found(std::string_view message, std::string_view resource = {});

/// Percent-decodes; nothing if a sequence is broken or the result has a NUL byte.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// The decoded segments of a path; nothing if one cannot be decoded. A slash at the end is ignored.
[[nodiscard]] std::optional<std::vector<std::string>> path_segments(std::string_view path);
/// `a=1&b=two+words`; what cannot be decoded is left out.
[[nodiscard]] std::map<std::string, std::string> parse_query(std::string_view query);
/// The value of one cookie of a Cookie header, or "".
[[nodiscard]] std::string_view cookie(std::string_view header, std::string_view name);
[[nodiscard]] std::string lower_case(std::string_view text);
/// "text/html; charset=utf-8" → "text/html"
[[nodiscard]] std::string media_type(std::string_view content_type);
/// Splits off the port: "[::1]:80" → "[::1]"; in lower case.
[[nodiscard]] std::string host_without_port(std::string_view host);

}  // namespace berth::api
