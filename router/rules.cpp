// SPDX-License-Identifier: Apache-2.0
#include "router/rules.hpp"

#include "base/crypto.hpp"
#include "base/password.hpp"
#include "router/http/characters.hpp"

namespace berth::router {

namespace {

constexpr std::size_t most_networks = 1000;
constexpr std::size_t most_users = 1000;

Result<std::int64_t> number(const json::object& object, std::string_view key, std::int64_t least,
                            std::int64_t most) {
  BERTH_ASSIGN(const std::int64_t value, require_int(object, key));
  if (value < least || value > most)
    return Error{ErrorKind::invalid, "'" + std::string(key) + "' is out of range"};
  return value;
}

Result<RateLimit> rate_limit_from(const json::object& object) {
  constexpr std::int64_t most = 1'000'000;
  RateLimit limit;
  BERTH_ASSIGN(const std::int64_t requests, number(object, "requests", 1, most));
  BERTH_ASSIGN(const std::int64_t per_s, number(object, "per_s", 1, 86'400));
  BERTH_ASSIGN(const std::int64_t burst, number(object, "burst", 1, most));
  limit.requests = static_cast<std::uint32_t>(requests);
  limit.per_s = static_cast<std::uint32_t>(per_s);
  limit.burst = static_cast<std::uint32_t>(burst);
  limit.header = optional_string(object, "header").value_or("");
  for (const char c : limit.header)
    if (!http::is_token(c) || c != http::to_lower(c))
      return Error{ErrorKind::invalid, "'header' is not the name of one in lower case"};
  return limit;
}

Result<void> read_users(const json::object& users, Rules& rules) {
  if (users.size() > most_users) return Error{ErrorKind::invalid, "too many users"};
  for (const auto& [name, hash] : users) {
    // Anybody's hash may be tried by anybody: it must not cost more than ours do.
    if (!hash.is_string() || !is_password_hash(std::string_view(hash.get_string())))
      return Error{ErrorKind::invalid, "a user has no hash of a password"};
    rules.users.emplace(std::string(name), std::string(hash.get_string()));
  }
  return {};
}

}  // namespace

Result<Rules> rules_from(const json::object& object) {
  Rules rules;
  if (const json::array* networks = optional_array(object, "allow_from")) {
    if (networks->size() > most_networks) return Error{ErrorKind::invalid, "too many networks"};
    for (const json::value& text : *networks) {
      if (!text.is_string()) return Error{ErrorKind::invalid, "'allow_from' must be networks"};
      BERTH_ASSIGN(const IpNetwork network, IpNetwork::parse(std::string_view(text.get_string())));
      rules.allow_from.push_back(network);
    }
  }
  if (const json::object* limit = optional_object(object, "rate_limit")) {
    BERTH_ASSIGN(rules.rate_limit, rate_limit_from(*limit));
  }
  const auto read = [&](std::string_view key, std::int64_t most, auto& to) -> Result<void> {
    if (!object.contains(key)) return {};
    BERTH_ASSIGN(const std::int64_t value, number(object, key, 0, most));
    to = static_cast<std::remove_reference_t<decltype(to)>>(value);
    return {};
  };
  BERTH_TRY(read("max_body", INT64_MAX, rules.max_body));
  BERTH_TRY(read("max_head", 1 << 20, rules.max_head));
  BERTH_TRY(read("max_in_flight", 1 << 30, rules.max_in_flight));
  if (const json::object* users = optional_object(object, "users"))
    BERTH_TRY(read_users(*users, rules));
  rules.realm = optional_string(object, "realm").value_or("");
  // It goes into heads of answers, in quotes: it may not break out of them.
  for (const char c : rules.realm)
    if (!http::is_token(c)) return Error{ErrorKind::invalid, "'realm' is not a word"};
  return rules;
}

json::object to_json(const Rules& rules) {
  json::object object;
  if (!rules.allow_from.empty()) {
    json::array networks;
    for (const IpNetwork& network : rules.allow_from) networks.emplace_back(network.text());
    object["allow_from"] = std::move(networks);
  }
  if (const RateLimit& limit = rules.rate_limit; limit.requests)
    object["rate_limit"] = {{"requests", limit.requests},
                            {"per_s", limit.per_s},
                            {"burst", limit.burst},
                            {"header", limit.header}};
  if (rules.max_body) object["max_body"] = rules.max_body;
  if (rules.max_head) object["max_head"] = rules.max_head;
  if (rules.max_in_flight) object["max_in_flight"] = rules.max_in_flight;
  if (!rules.users.empty()) {
    json::object users;
    for (const auto& [name, hash] : rules.users) users[name] = hash;
    object["users"] = std::move(users);
  }
  if (!rules.realm.empty()) object["realm"] = rules.realm;
  return object;
}

bool read_basic(std::string_view value, BasicCredentials& credentials) {
  constexpr std::string_view scheme = "basic ";
  if (value.size() <= scheme.size() ||
      !http::equals_ignoring_case(value.substr(0, scheme.size()), scheme))
    return false;
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  auto decoded = base64_decode(value);
  if (decoded.has_error()) return false;
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) return false;
  credentials.user = decoded->substr(0, colon);
  credentials.password = decoded->substr(colon + 1);
  return true;
}

}  // namespace berth::router
