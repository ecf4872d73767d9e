// SPDX-License-Identifier: Apache-2.0
#include "platform/routing_settings.hpp"

#include <doctest/doctest.h>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada"};

std::string reason(std::string_view name, std::string value) {
  RoutingSettings settings;
  const auto set = set_routing_setting(settings, name, std::move(value));
  return set.has_error() ? set.error().message : "";
}

TEST_CASE("a setting is shown in the words that it was set in, or plainer ones") {
  const auto shown = [](std::string_view name, std::string value) {
    RoutingSettings settings;
    REQUIRE(set_routing_setting(settings, name, std::move(value)).has_value());
    const std::string text = routing_setting(settings, name);
    CHECK(parse_routing(routing_text(settings)).value() == settings);
    REQUIRE(set_routing_setting(settings, name, std::nullopt).has_value());
    CHECK(settings == RoutingSettings{});
    CHECK(routing_text(settings).empty());
    return text;
  };
  CHECK(shown("rate_limit", "100/s") == "100/s");
  CHECK(shown("rate_limit", "600/m") == "600/m");
  CHECK(shown("rate_burst", "20") == "20");
  CHECK(shown("rate_by", "header:X-Api-Key") == "header:x-api-key");
  CHECK(shown("max_body", "10485760") == "10MiB");
  CHECK(shown("max_body", "1500") == "1500");
  CHECK(shown("max_head", "4KiB") == "4KiB");
  CHECK(shown("max_in_flight", "50") == "50");
  CHECK(shown("allow_from", "192.0.2.7, 10.1.0.0/8") == "192.0.2.7,10.0.0.0/8");
  CHECK(shown("sticky", "on") == "on");
  CHECK(shown("trace", "on") == "on");
  CHECK(shown("log_sample", "10%") == "10%");
  CHECK(shown("log_sample", "0") == "0%");
  CHECK(shown("first_byte_timeout", "120s") == "2m");
  CHECK(shown("idle_timeout", "1500ms") == "1500ms");
  CHECK(shown("hold_timeout", "3600s") == "1h");
}

TEST_CASE("a setting that cannot be meant is refused with what can") {
  CHECK(reason("rate_limit", "fast") ==
        "rate_limit must be requests in a second, minute or hour, such as 100/s, 600/m or 1000/h, "
        "not 'fast'");
  for (const char* bad : {"", "0/s", "1/d", "1", "-1/s", "1/s ", "2000000/s"})
    CHECK_MESSAGE(!reason("rate_limit", bad).empty(), bad);
  for (const char* bad : {"header:", "header:a b", "cookie", "header:a:b"})
    CHECK_MESSAGE(!reason("rate_by", bad).empty(), bad);
  CHECK(reason("rate_by", "address").empty());
  CHECK(reason("max_head", "1MiB") == "max_head must be from 256 to 16KiB, not '1MiB'");
  CHECK(reason("max_in_flight", "many") ==
        "max_in_flight must be a whole number from 1 to 1000000, not 'many'");
  CHECK(reason("allow_from", "home").starts_with("allow_from: 'home' is no IP address"));
  CHECK(reason("trace", "1") == "trace must be on or off, not '1'");
  CHECK(reason("log_sample", "101%") == "log_sample must be from 0% to 100%, not '101%'");
  CHECK(reason("sticky", "yes") == "sticky must be on or off, not 'yes'");
  CHECK(reason("idle_timeout", "2000h") == "idle_timeout must be from 1ms to 24h, not '2000h'");
  CHECK(reason("nonsense", "1").starts_with(
      "'nonsense' is no setting of routing. There are: rate_limit, rate_burst"));
}

TEST_CASE("the store keeps settings, users and pages, and tells of changes without secrets") {
  Store store = Store::open_in_memory(SecretBox::ephemeral()).value();
  const App app = store.create_app(*AppName::parse("shop"), ada).value();
  const App limited =
      store.set_routing(app.id, {{"rate_limit", "5/s"}, {"sticky", "on"}}, ada).value();
  CHECK(limited.routing.rate_limit->requests == 5);
  CHECK(limited.routing.sticky_key.size() == 32);
  CHECK(store.events_before(INT64_MAX, 1).front().message == "routing: rate_limit=5/s, sticky=on");
  CHECK(store.set_routing(app.id, {{"rate_limit", "5/s"}, {"sticky", "x"}}, ada).has_error());
  const App off = store.set_routing(app.id, {{"sticky", std::nullopt}}, ada).value();
  CHECK_FALSE(off.routing.sticky);
  CHECK(off.routing.sticky_key == limited.routing.sticky_key);

  CHECK(store.put_routing_user(app.id, "ada", "$hash1", ada)->routing.users.size() == 1);
  CHECK(store.put_routing_user(app.id, "ada", "$hash2", ada)->routing.users.at("ada") == "$hash2");
  CHECK(store.events_before(INT64_MAX, 1).front().message == "changed the password of ada");
  CHECK(store.put_routing_user(app.id, "a:b", "$hash", ada).has_error());
  CHECK(store.find_app("shop")->routing.users.at("ada") == "$hash2");
  CHECK(store.remove_routing_user(app.id, "bob", ada).error().message ==
        "the app has no user 'bob'. `berth routing` lists them");
  CHECK(store.remove_routing_user(app.id, "ada", ada)->routing.users.empty());

  CHECK(store.page(app.id, Page::error).empty());
  REQUIRE(store.set_page(app.id, Page::error, "<h1>oh</h1>", ada).has_value());
  REQUIRE(store.set_page(app.id, Page::maintenance, "<h1>soon</h1>", ada).has_value());
  CHECK(store.page(app.id, Page::error) == "<h1>oh</h1>");
  CHECK(store.set_page(app.id, Page::error, std::string(70'000, 'x'), ada).has_error());
  REQUIRE(store.set_page(app.id, Page::error, "", ada).has_value());
  CHECK(store.page(app.id, Page::error).empty());
  CHECK(store.page(app.id, Page::maintenance) == "<h1>soon</h1>");
  REQUIRE(store.destroy_app(app.id, ada).has_value());
  CHECK(store.page(app.id, Page::maintenance).empty());
}

}  // namespace
}  // namespace berth::platform
