// SPDX-License-Identifier: Apache-2.0
#include "platform/web_address.hpp"

#include <doctest/doctest.h>

namespace berth::platform::test {

namespace {

std::string address(const RouterPorts& ports, bool redirect = false) {
  App app;
  app.name = "shop";
  app.https.redirect = redirect;
  return web_url(app, "example.com", ports);
}

}  // namespace

TEST_CASE("an app's address is by HTTPS where browsers trust it or are sent there") {
  CHECK(address({.http = 80}) == "http://shop.example.com");
  CHECK(address({.http = 8080}) == "http://shop.example.com:8080");
  CHECK(address({.http = 443}) == "http://shop.example.com:443");
  // With the development authority's certificate browsers warn.
  CHECK(address({.http = 8080, .https = 8443}) == "http://shop.example.com:8080");
  CHECK(address({.http = 8080, .https = 8443}, true) == "https://shop.example.com:8443");
  CHECK(address({.http = 80, .https = 443, .is_trusted = true}) == "https://shop.example.com");
  CHECK(address({.http = 80, .https = 80, .is_trusted = true}) == "https://shop.example.com:80");
  // A redirect that was asked for when there was HTTPS.
  CHECK(address({.http = 80, .is_trusted = true}, true) == "http://shop.example.com");
}

TEST_CASE("the platform's own hosts are by HTTPS where browsers trust it") {
  CHECK(own_url("api.example.com", {.http = 80}) == "http://api.example.com");
  CHECK(own_url("git.example.com", {.http = 8080, .https = 8443}) ==
        "http://git.example.com:8080");
  CHECK(own_url("git.example.com", {.http = 80, .https = 443, .is_trusted = true}) ==
        "https://git.example.com");
}

TEST_CASE("the router's ports are those of its first addresses") {
  Config config;
  config.router.listen = {"[::]:80", "127.0.0.1:8080"};
  CHECK(RouterPorts::of(config).http == 80);
  CHECK(RouterPorts::of(config).https == 0);
  CHECK_FALSE(RouterPorts::of(config).is_trusted);
  config.router.https = {"0.0.0.0:443", "[::]:8443"};
  config.router.certificate = "/etc/berth/chain.pem";
  CHECK(RouterPorts::of(config).https == 443);
  CHECK(RouterPorts::of(config).is_trusted);
  config.router.listen = {"localhost"};
  CHECK(RouterPorts::of(config).http == 0);
}

}  // namespace berth::platform::test
