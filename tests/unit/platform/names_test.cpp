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

TEST_CASE("a preview's name and its app's make a host label that is not reserved") {
  for (const auto* good : {"fix", "fix-42", "421", "a-b-c", "a01234567890123456789012345678"})
    CHECK_MESSAGE(PreviewName::parse(good).has_value(), good);
  for (const auto* bad : {"", "xn", "ab", "a--b", "-ab", "ab-", "Fix", "a/b", "a.b", "a_b", "a b",
                          "a0123456789012345678901234567890"})
    CHECK_MESSAGE(PreviewName::parse(bad).has_error(), bad);
  CHECK(PreviewName::parse("fix-42")->of("shop") == "fix-42--shop");
  CHECK(AppName::parse("fix-42--shop").has_error());
  CHECK(PreviewName::parse("Fix/42").error().message ==
        "the preview name 'Fix/42' is not valid. Use 3 to 30 lower-case letters, digits and single "
        "dashes between them, for example refs/previews/fix-42");
}

TEST_CASE("pipeline names follow Heroku's rule") {
  for (const auto* good : {"abc", "shop-2", "a--b"}) CHECK(parse_pipeline_name(good).has_value());
  for (const auto* bad : {"", "ab", "2ab", "Shop", "a b", "a/b"})
    CHECK_MESSAGE(parse_pipeline_name(bad).has_error(), bad);
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
TEST_CASE("a route is a host name, and perhaps a path of whole segments") {
  const auto route = parse_route("WWW.Example.com/Api/v1.0/");
  REQUIRE(route.has_value());
  CHECK(route->hostname == "www.example.com");
  CHECK(route->path == "/Api/v1.0");
  CHECK(parse_route("*.example.com/a~b_c-d")->text() == "*.example.com/a~b_c-d");
  CHECK(parse_route("example.com/")->text() == "example.com");
  for (const char* bad : {"example.com//a", "example.com/a/../b", "example.com/a b", "/api",
                          "example.com/%41", "example.com/a?b", "example/api",
                          "example.com/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"})
    CHECK_MESSAGE(parse_route(bad).has_error(), bad);
  CHECK(parse_route("example.com/a//b").error().message ==
        "the path '/a//b' has a segment that is empty or only dots. Give one such as "
        "'www.example.com/api'");
}

}  // namespace berth::platform
