// SPDX-License-Identifier: Apache-2.0
#include "platform/names.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

TEST_CASE("app names follow the rule of host labels") {
  for (const auto* good : {"a", "hello", "my-shop-2", "a0123456789012345678901234567b"})
    CHECK_MESSAGE(AppName::parse(good).has_value(), good);
  for (const auto* bad : {"", "../etc", "a b", "A", "1a", "a-", "a--b", "-a", "a.b", "a/b", "a\nb",
                          "ä", "api", "git", "dashboard", "a012345678901234567890123456789"})
    CHECK_MESSAGE(AppName::parse(bad).has_error(), bad);
}

TEST_CASE("a refused app name is shown cut and without control characters, with the rule") {
  const auto result = AppName::parse(std::string(200, 'a'));
  REQUIRE(result.has_error());
  CHECK(result.error().message.size() < 300);
  CHECK(result.error().message.find("longer than 30 characters") != std::string::npos);
  CHECK(AppName::parse("a\x1b[31m").error().message.find('\x1b') == std::string::npos);
}

TEST_CASE("config var names are shell names outside the reserved spaces") {
  CHECK_FALSE(check_config_var("DATABASE_URL", "x").has_error());
  CHECK_FALSE(check_config_var("_x", "").has_error());
  for (const auto* bad : {"", "1A", "A-B", "A B", "PORT", "CNB_APP_DIR", "A=B"})
    CHECK_MESSAGE(check_config_var(bad, "x").has_error(), bad);
  CHECK(check_config_var("BIG", std::string(40'000, 'x')).has_error());
}

TEST_CASE("host names are lowered and need two labels; one wildcard may lead") {
  CHECK(*parse_hostname("WWW.Example.COM") == "www.example.com");
  CHECK(*parse_hostname("*.shop.example") == "*.shop.example");
  for (const auto* bad :
       {"", "localhost", "a..b", "-a.b", "a.b-", "a_b.c", "*.*.a.b", "a b.c", "../x.y"})
    CHECK_MESSAGE(parse_hostname(bad).has_error(), bad);
}

}  // namespace
}  // namespace berth::platform
