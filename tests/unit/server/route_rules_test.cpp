// SPDX-License-Identifier: Apache-2.0
#include "server/route_rules.hpp"

#include <doctest/doctest.h>

#include "base/password.hpp"
#include "router/table.hpp"

namespace berth::server {
namespace {

platform::App shop_with(const std::map<std::string, std::string>& settings) {
  platform::App app{.id = platform::AppId("1"), .name = "shop"};
  for (const auto& [name, value] : settings)
    REQUIRE(platform::set_routing_setting(app.routing, name, value).has_value());
  return app;
}

/// As the router reads it.
router::App read(const platform::App& app) {
  json::object fields = route_settings(app, {});
  fields["name"] = app.name;
  fields["state"] = "running";
  const auto message = router::parse_message(
      to_text(json::object{{"type", "put_app"}, {"version", 1}, {"app", std::move(fields)}}));
  REQUIRE_MESSAGE(message.has_value(), message.error().message);
  return std::get<router::PutApp>(*message).app;
}

TEST_CASE("an app whose owner says nothing has the platform's timeouts and no rules") {
  const router::App app = read(shop_with({}));
  CHECK_FALSE(app.rules.has_value());
  CHECK(app.sticky_key.empty());
  CHECK(app.first_byte_timeout == platform::Config().router.first_byte_timeout);
  CHECK(app.hold_timeout == platform::Config().router.hold_timeout);
}

TEST_CASE("what an app's owner says is what the router reads") {
  using namespace std::chrono_literals;
  platform::App shop = shop_with({{"rate_limit", "600/m"},
                                  {"rate_by", "header:X-Api-Key"},
                                  {"max_body", "10MiB"},
                                  {"max_head", "4KiB"},
                                  {"max_in_flight", "50"},
                                  {"allow_from", "10.0.0.0/8"},
                                  {"first_byte_timeout", "90s"},
                                  {"idle_timeout", "5m"},
                                  {"hold_timeout", "1500ms"},
                                  {"sticky", "on"}});
  shop.routing.sticky_key = "0123";
  shop.routing.users = {{"ada", hash_password("x")}};
  const router::App app = read(shop);
  REQUIRE(app.rules.has_value());
  CHECK(app.rules->rate_limit ==
        router::RateLimit{.requests = 600, .per_s = 60, .burst = 600, .header = "x-api-key"});
  CHECK(app.rules->max_body == 10U << 20);
  CHECK(app.rules->max_head == 4096);
  CHECK(app.rules->max_in_flight == 50);
  CHECK(app.rules->allow_from.at(0).text() == "10.0.0.0/8");
  CHECK(app.rules->users.at("ada") == shop.routing.users.at("ada"));
  CHECK(app.rules->realm == "shop");
  CHECK(app.first_byte_timeout == 90s);
  CHECK(app.idle_timeout == 5min);
  CHECK(app.hold_timeout == 1500ms);
  CHECK(app.sticky_key == "0123");
  REQUIRE(platform::set_routing_setting(shop.routing, "rate_burst", "7").has_value());
  CHECK(read(shop).rules->rate_limit.burst == 7);
}

}  // namespace
}  // namespace berth::server
