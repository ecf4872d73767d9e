// SPDX-License-Identifier: Apache-2.0
#include "platform/egress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

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

std::optional<std::uint32_t> address(std::string_view text) {
  std::uint32_t result = 0;
  for (int part = 0; part < 4; ++part) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return std::nullopt;
    const std::string_view digits = text.substr(0, dot);
    const auto byte = number(digits, 0, 255);
    // Some would read a leading zero as octal.
    if (!byte || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    result = result << 8 | static_cast<std::uint32_t>(*byte);
    if (part < 3) text.remove_prefix(dot + 1);
  }
  return result;
}

Error refuse(std::string_view text) {
  return {ErrorKind::invalid,
          "'" + std::string(text.substr(0, 60)) +
              "' is no IPv4 address or network with or without ports, such as 192.0.2.7, "
              "10.0.0.0/8:5432 or 192.0.2.0/24:8000-8100. Names are not taken: what they stand for "
              "changes"};
}

Result<EgressRule> parse_rule(std::string_view text) {
  EgressRule rule;
  const auto colon = text.find(':');
  const std::string_view network = text.substr(0, colon);
  const auto slash = network.find('/');
  const auto parsed = address(network.substr(0, slash));
  if (!parsed) return refuse(text);
  if (slash != std::string_view::npos) {
    const auto prefix = number(network.substr(slash + 1), 0, 32);
    if (!prefix) return refuse(text);
    rule.prefix = *prefix;
  }
  rule.network = rule.prefix == 0 ? 0 : *parsed & (~std::uint32_t{0} << (32 - rule.prefix));
  if (colon == std::string_view::npos) return rule;
  const std::string_view ports = text.substr(colon + 1);
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
  std::string text = fmt::format("{}.{}.{}.{}", rule.network >> 24, rule.network >> 16 & 255,
                                 rule.network >> 8 & 255, rule.network & 255);
  if (rule.prefix < 32) text += fmt::format("/{}", rule.prefix);
  if (rule.first_port == 0) return text;
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
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parse_egress(words);
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
