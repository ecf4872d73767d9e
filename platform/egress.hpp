// SPDX-License-Identifier: Apache-2.0
//
// Where an app's replicas may connect to outside: everywhere, nowhere, or what a list names. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.hpp"
#include "base/result.hpp"

namespace berth::platform {

/// "10.0.0.0/8", "192.0.2.7:443", "192.0.2.0/24:8000-8100", "2001:db8::/32"; brackets part IPv6
/// from its ports: "[2001:db8::7]:443", "[2001:db8::/32]:8000-8100".
struct EgressRule {
  IpNetwork network;
  int first_port = 0;  ///< 0: any protocol and port; else TCP and UDP
  int last_port = 0;
  friend bool operator==(const EgressRule&, const EgressRule&) = default;
};

struct EgressPolicy {
  enum class Kind { all, none, list };
  Kind kind = Kind::all;
  std::vector<EgressRule> allowed = {};  ///< of a list
  friend bool operator==(const EgressPolicy&, const EgressPolicy&) = default;
};

[[nodiscard]] std::string egress_text(const EgressRule& rule);
/// "all", "none", or rules with spaces between them.
[[nodiscard]] std::string egress_text(const EgressPolicy& policy);
/// "all", "none", or rules.
[[nodiscard]] Result<EgressPolicy> parse_egress(const std::vector<std::string>& words);
[[nodiscard]] Result<EgressPolicy> parse_egress(std::string_view text);
[[nodiscard]] std::string_view name_of(EgressPolicy::Kind kind);

}  // namespace berth::platform
