// SPDX-License-Identifier: Apache-2.0
#include "base/ip_network.hpp"

#include <doctest/doctest.h>

#include "base/keyed_hash.hpp"
#include "base/password.hpp"

namespace berth {
namespace {

bool holds(std::string_view network, std::string_view address) {
  return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
}

TEST_CASE("a network holds the addresses that share its first bits") {
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  CHECK(holds("192.0.2.128/25", "192.0.2.129"));
  CHECK_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  CHECK(holds("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.6"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  CHECK(holds("::/0", "2001:db8::1"));
  CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(contains({*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("::1")},
                 *IpAddress::parse("::1")));
  CHECK_FALSE(contains({}, *IpAddress::parse("::1")));
}

TEST_CASE("networks are written as people write them, and nothing else is one") {
  CHECK(IpNetwork::parse("10.1.2.3/8")->text() == "10.0.0.0/8");
  CHECK(IpNetwork::parse("192.0.2.7/32")->text() == "192.0.2.7");
  CHECK(IpNetwork::parse("2001:DB8:0::1/64")->text() == "2001:db8::/64");
  CHECK(IpNetwork::parse("::ffff:10.0.0.1")->text() == "10.0.0.1");
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                          "10.0.0", "example.com", "2001:db8::/129", "10.0.0.1:80", "[::1]"})
    CHECK_MESSAGE(IpNetwork::parse(bad).has_error(), bad);
  CHECK(IpNetwork::parse("x").error().message ==
        "'x' is no IP address or network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32");
}

TEST_CASE("a password's hash tells it from others, and shows nothing of it") {
  const std::string hash = hash_password("correct horse");
  CHECK(is_password_hash(hash));
  CHECK(hash != hash_password("correct horse"));
  CHECK(hash.find("horse") == std::string::npos);
  CHECK(matches_password(hash, "correct horse"));
  CHECK_FALSE(matches_password(hash, "correct horsf"));
  CHECK_FALSE(matches_password(hash, ""));
  for (const char* bad : {"", "secret", "$argon2id$v=19$m=1048576,t=9,p=1$c2FsdHNhbHQ$aGFzaA"})
    CHECK_FALSE_MESSAGE(is_password_hash(bad), bad);
}

TEST_CASE("a keyed hash is the same for the same key alone") {
  CHECK(KeyedHash("a").of("x") == KeyedHash("a").of("x"));
  CHECK(KeyedHash("a").of("x") != KeyedHash("b").of("x"));
  CHECK(KeyedHash("a").of("x") != KeyedHash("a").of("y"));
  CHECK(KeyedHash().of("x") != KeyedHash().of("x"));
}

}  // namespace
}  // namespace berth
