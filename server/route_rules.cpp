// SPDX-License-Identifier: Apache-2.0
#include "server/route_rules.hpp"

namespace berth::server {

namespace {

/// The value of Strict-Transport-Security; empty: none.
std::string hsts_of(const platform::HttpsSettings& https) {
  if (!https.hsts) return {};
  return "max-age=" + std::to_string(https.hsts->max_age_s) +
         (https.hsts->subdomains ? "; includeSubDomains" : "") +
         (https.hsts->preload ? "; preload" : "");
}

json::object rules_of(const platform::App& app) {
  const platform::RoutingSettings& routing = app.routing;
  json::object rules;
  if (!routing.allow_from.empty()) {
    json::array networks;
    for (const IpNetwork& network : routing.allow_from) networks.emplace_back(network.text());
    rules["allow_from"] = std::move(networks);
  }
  if (const auto& limit = routing.rate_limit)
    rules["rate_limit"] = {{"requests", limit->requests},
                           {"per_s", limit->per_s},
                           {"burst", routing.rate_burst ? routing.rate_burst : limit->requests},
                           {"header", routing.rate_by}};
  if (routing.max_body) rules["max_body"] = routing.max_body;
  if (routing.max_head) rules["max_head"] = routing.max_head;
  if (routing.max_in_flight) rules["max_in_flight"] = routing.max_in_flight;
  if (!routing.users.empty()) {
    json::object users;
    for (const auto& [name, hash] : routing.users) users[name] = hash;
    rules["users"] = std::move(users);
    rules["realm"] = app.name;
  }
  return rules;
}

}  // namespace

json::object route_settings(const platform::App& app, const platform::Config::Router& defaults) {
  const platform::RoutingSettings& routing = app.routing;
  json::object fields{
      {"first_byte_timeout_ms",
       routing.first_byte_timeout.value_or(defaults.first_byte_timeout).count()},
      {"idle_timeout_ms", routing.idle_timeout.value_or(defaults.idle_timeout).count()},
      {"hold_timeout_ms", routing.hold_timeout.value_or(defaults.hold_timeout).count()},
      {"https_redirect", app.https.redirect},
      {"hsts", hsts_of(app.https)}};
  if (json::object rules = rules_of(app); !rules.empty()) fields["rules"] = std::move(rules);
  if (routing.sticky) fields["sticky_key"] = routing.sticky_key;
  if (routing.trace) fields["trace"] = true;
  if (routing.log_sample != 100) fields["log_percent"] = routing.log_sample;
  return fields;
}

}  // namespace berth::server
