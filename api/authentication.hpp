// SPDX-License-Identifier: Apache-2.0
//
// Who asks: a token as bearer, as the password of Basic, or the dashboard's cookie. Tokens are 256
// random bits, looked up by digest; the limit on failures keeps a peer from making us work, it does
// not guard secrets, so a right token always passes.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "api/http.hpp"
#include "platform/store.hpp"

namespace berth::api {

inline constexpr std::string_view session_cookie = "berth_session";

/// Who asks.
struct Identity {
  platform::Token token;
  std::string secret;  ///< the credential itself, to check it again during a long stream
  bool by_cookie = false;
};

/// A bucket of 20 failures for a peer that fills again with one every 3 s.
class FailureLimit final {
 public:
  using Clock = std::chrono::steady_clock;
  /// Notes a failure; true if the peer had too many.
  [[nodiscard]] bool exceeded(const std::string& peer, Clock::time_point at);

 private:
  struct Bucket {
    double failures = 0;
    Clock::time_point at{};
  };
  std::map<std::string, Bucket> buckets_;
};

class Authentication final {
 public:
  explicit Authentication(platform::Store& store) : store_(store) {}

  /// 401 with WWW-Authenticate, 403 if a cookie came without the dashboard's header, 429 after too
  /// many failures.
  [[nodiscard]] Outcome<Identity> identify(const Request& request);

 private:
  platform::Store& store_;
  FailureLimit failures_;
};

}  // namespace berth::api
