// SPDX-License-Identifier: Apache-2.0
//
// What an app may say of how the router treats its requests (docs/routing.md): settings by name,
// each written as people write it. The same names and texts are in the CLI, the API and the store.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.hpp"
#include "base/result.hpp"

namespace berth::platform {

struct RoutingSettings {
  /// "100/s", "600/m": of one client.
  struct RateLimit {
    std::uint32_t requests = 0;
    std::uint32_t per_s = 1;
    friend bool operator==(const RateLimit&, const RateLimit&) = default;
  };
  std::optional<RateLimit> rate_limit = {};
  std::uint32_t rate_burst = 0;  ///< 0: as many as rate_limit names
  std::string rate_by = {};      ///< a header's name in lower case; empty: the client's address
  std::uint64_t max_body = 0;    ///< bytes; 0: any
  std::uint32_t max_head = 0;    ///< bytes; 0: what the router takes
  std::uint32_t max_in_flight = 0;
  std::vector<IpNetwork> allow_from = {};  ///< empty: everybody
  bool sticky = false;
  bool trace = false;   ///< the router begins a W3C trace for requests that bring none
  int log_sample = 100; ///< percent of the requests that are logged; all that failed are
  std::optional<std::chrono::milliseconds> first_byte_timeout = {};
  std::optional<std::chrono::milliseconds> idle_timeout = {};
  std::optional<std::chrono::milliseconds> hold_timeout = {};
  /// Who may come in by password: name → hash. Empty: everybody, without one.
  std::map<std::string, std::string> users = {};
  std::string sticky_key = {};  ///< hex; made when it is first needed
  friend bool operator==(const RoutingSettings&, const RoutingSettings&) = default;
};

/// All settings but users, in the order that people see them.
[[nodiscard]] const std::vector<std::string_view>& routing_setting_names();
/// Empty: it is not set.
[[nodiscard]] std::string routing_setting(const RoutingSettings& settings, std::string_view name);
/// Nothing unsets it.
[[nodiscard]] Result<void> set_routing_setting(RoutingSettings& settings, std::string_view name,
                                               const std::optional<std::string>& value);

/// 1 to 64 letters, digits and `.-_@`.
[[nodiscard]] Result<void> check_routing_user(std::string_view name);

/// As the store keeps them; "" are the defaults.
[[nodiscard]] std::string routing_text(const RoutingSettings& settings);
[[nodiscard]] Result<RoutingSettings> parse_routing(std::string_view text);

}  // namespace berth::platform
