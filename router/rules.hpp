// SPDX-License-Identifier: Apache-2.0
//
// What an app asks the router to refuse on its behalf (docs/routing.md), as the table has it. An
// app without any costs its requests the test of one flag. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::router {

/// So many requests of a client in so much time; `burst` of them may come at once.
struct RateLimit {
  std::uint32_t requests = 0;  ///< 0: no limit
  std::uint32_t per_s = 1;
  std::uint32_t burst = 0;
  std::string header;  ///< whose value tells clients apart, in lower case; empty: their address
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct Rules {
  std::vector<IpNetwork> allow_from;  ///< empty: everybody
  RateLimit rate_limit;
  std::uint64_t max_body = 0;       ///< bytes of a request's body; 0: any
  std::uint32_t max_head = 0;       ///< bytes of its head; 0: what the router takes
  std::uint32_t max_in_flight = 0;  ///< requests of the app at a time; 0: any
  std::map<std::string, std::string, std::less<>> users;  ///< name → hash; empty: no password
  std::string realm;                ///< for which browsers ask
  friend bool operator==(const Rules&, const Rules&) = default;
};

[[nodiscard]] Result<Rules> rules_from(const json::object& object);
[[nodiscard]] json::object to_json(const Rules& rules);

/// User and password of an Authorization field. False if it is not of the Basic scheme
/// (RFC 7617).
struct BasicCredentials {
  std::string user;
  std::string password;
};
[[nodiscard]] bool read_basic(std::string_view value, BasicCredentials& credentials);

}  // namespace berth::router
