// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API as commands see it: JSON in and out, lists read to their end, and every error turned
// into a sentence with a next step.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "cli/failure.hpp"

namespace berth::cli {

/// "/apps/hello/dynos/web.1": each part percent-encoded, so that a name cannot be a path.
[[nodiscard]] std::string api_path(std::initializer_list<std::string_view> parts);
[[nodiscard]] std::string percent_encoded(std::string_view text);

class ApiClient {
 public:
  /// `url` is the API's base without a slash at the end; an empty token sends none.
  ApiClient(std::string url, std::string token) : url_(std::move(url)), token_(std::move(token)) {}

  [[nodiscard]] Outcome<json::value> get(const std::string& path) const;
  [[nodiscard]] Outcome<json::object> get_object(const std::string& path) const;
  /// Follows Next-Range. With `range` ("version ..; max=15, order=desc") only that one page.
  [[nodiscard]] Outcome<json::array> list(const std::string& path,
                                          const std::string& range = {}) const;
  [[nodiscard]] Outcome<json::value> send(const std::string& method, const std::string& path,
                                          const json::value& body) const;
  /// A body without end; `on_data` gets it as it comes, false stops. `wait` is the longest silence.
  [[nodiscard]] Outcome<void> stream(const std::string& path,
                                     std::function<bool(std::string_view)> on_data,
                                     std::chrono::milliseconds wait) const;

  /// For answers that nobody waits long for (completion).
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& token() const { return token_; }

 private:
  struct Answer {
    json::value body;
    std::string next_range;
  };
  [[nodiscard]] Outcome<Answer> exchange(const std::string& method, const std::string& path,
                                         const std::string& body, const std::string& range) const;

  std::string url_;
  std::string token_;
  std::chrono::milliseconds deadline_ = std::chrono::seconds(60);
};

/// Why nothing came back from `url`, and how to start the platform.
[[nodiscard]] Failure unreachable(const std::string& url, const Error& error);
/// What an answer that is not 2xx says.
[[nodiscard]] Failure refusal(int status, std::string_view body, const std::string& url);

}  // namespace berth::cli
