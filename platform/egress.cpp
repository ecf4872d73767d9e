// SPDX-License-Identifier: Apache-2.0
#include "platform/egress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/split.hpp"

namespace berth::platform {

namespace {

constexpr std::size_t most_rules = 100;

std::optional<int> number(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size() || value < least ||
      value > most || text.front() == '-')
    return std::nullopt;
  return value;
}

Error refuse(std::string_view text) {
  return {ErrorKind::invalid,
          "'" + std::string(text.substr(0, 60)) +
              "' is no IP address or network with or without ports, such as 192.0.2.7, "
              "10.0.0.0/8:5432, 2001:db8::/32 or [2001:db8::7]:8000-8100. Names are not taken: "
              "what they stand for changes"};
}

Result<EgressRule> parse_rule(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : text.find(':');
  // Without brackets, more than one colon are IPv6 alone.
  const bool whole = end == std::string_view::npos || (!bracketed && end != text.rfind(':'));
  if (bracketed && whole) return refuse(text);
  const std::string_view address = whole ? text : text.substr(bracketed ? 1 : 0, end - bracketed);
  std::string_view ports = whole ? "" : text.substr(bracketed ? end + 1 : end);
  const auto network = IpNetwork::parse(address);
  const bool with_colons = address.find(':') != std::string_view::npos;
  if (network.has_error() || (bracketed && !with_colons)) return refuse(text);
  EgressRule rule{.network = *network};
  if (ports.empty()) return rule;
  if (ports.front() != ':') return refuse(text);
  ports.remove_prefix(1);
  const auto dash = ports.find('-');
  const auto first = number(ports.substr(0, dash), 1, 65535);
  const auto last =
      dash == std::string_view::npos ? first : number(ports.substr(dash + 1), 1, 65535);
  if (!first || !last || *first > *last) return refuse(text);
  rule.first_port = *first;
  rule.last_port = *last;
  return rule;
}

}  // namespace

std::string egress_text(const EgressRule& rule) {
  std::string text = rule.network.text();
  if (rule.first_port == 0) return text;
  if (!rule.network.is_v4()) text = "[" + text + "]";
  text += fmt::format(":{}", rule.first_port);
  if (rule.last_port != rule.first_port) text += fmt::format("-{}", rule.last_port);
  return text;
}

std::string egress_text(const EgressPolicy& policy) {
  if (policy.kind != EgressPolicy::Kind::list) return std::string(name_of(policy.kind));
  std::string text;
  for (const EgressRule& rule : policy.allowed)
    text += (text.empty() ? "" : " ") + egress_text(rule);
  return text;
}

Result<EgressPolicy> parse_egress(const std::vector<std::string>& words) {
  EgressPolicy policy;
  if (words.size() == 1 && words.front() == "all") return policy;
  if (words.size() == 1 && words.front() == "none") {
    policy.kind = EgressPolicy::Kind::none;
    return policy;
  }
  if (words.empty())
    return Error{ErrorKind::invalid, "give all, none, or addresses and networks"};
  if (words.size() > most_rules)
    return Error{ErrorKind::invalid,
                 "more than " + std::to_string(most_rules) + " networks: name larger ones"};
  policy.kind = EgressPolicy::Kind::list;
  for (const std::string& word : words) {
    BERTH_ASSIGN(const EgressRule rule, parse_rule(word));
    if (std::ranges::find(policy.allowed, rule) == policy.allowed.end())
      policy.allowed.push_back(rule);
  }
  return policy;
}

Result<EgressPolicy> parse_egress(std::string_view text) {
  return parse_egress(split(text));
}

std::string_view name_of(EgressPolicy::Kind kind) {
  switch (kind) {
    case EgressPolicy::Kind::all: return "all";
    case EgressPolicy::Kind::none: return "none";
    case EgressPolicy::Kind::list: return "list";
  }
  return "all";
}

}  // namespace berth::platform
