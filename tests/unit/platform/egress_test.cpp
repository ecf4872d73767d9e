// SPDX-License-Identifier: Apache-2.0
#include "platform/egress.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

TEST_CASE("a policy is all, none, or networks with or without ports, and reads back as it was") {
  CHECK(parse_egress("all")->kind == EgressPolicy::Kind::all);
  CHECK(parse_egress("none")->kind == EgressPolicy::Kind::none);
  const auto policy =
      parse_egress("10.1.2.3/8:5432 192.0.2.7 192.0.2.0/24:8000-8100 0.0.0.0/0:443");
  REQUIRE(policy.has_value());
  CHECK(policy->allowed.at(0) ==
        EgressRule{
            .network = *IpNetwork::parse("10.0.0.0/8"), .first_port = 5432, .last_port = 5432});
  CHECK(egress_text(*policy) == "10.0.0.0/8:5432 192.0.2.7 192.0.2.0/24:8000-8100 0.0.0.0/0:443");
  CHECK(*parse_egress(egress_text(*policy)) == *policy);
  CHECK(parse_egress("192.0.2.7 192.0.2.7")->allowed.size() == 1);
}

TEST_CASE("networks of IPv6 stand in brackets where ports follow") {
  const auto policy = parse_egress(
      "2001:DB8::1/32 [2001:db8::7]:443 [2001:db8:1::/48]:8000-8100 [2001:db8::8] ::/0");
  REQUIRE_MESSAGE(policy.has_value(), policy.error().message);
  CHECK(egress_text(*policy) ==
        "2001:db8::/32 [2001:db8::7]:443 [2001:db8:1::/48]:8000-8100 2001:db8::8 ::/0");
  CHECK(*parse_egress(egress_text(*policy)) == *policy);
  CHECK(policy->allowed.at(1) ==
        EgressRule{
            .network = *IpNetwork::parse("2001:db8::7"), .first_port = 443, .last_port = 443});
  CHECK(egress_text(*parse_egress("::ffff:10.0.0.1")) == "10.0.0.1");
}

TEST_CASE("what is no network is refused with what may be given") {
  for (const char* text :
       {"example.com", "10.0.0.0/33", "10.0.0", "10.0.0.0.0", "256.0.0.1", "10.0.0.1:0",
        "10.0.0.1:65536", "10.0.0.1:90-80", "10.0.0.1:", "10.0.0.1/", "-1.0.0.0", "::/129",
        "[10.0.0.1]:80", "[::1", "::1]", "[::1]80", "[::1]:", "[::1]:0", "[]:80", "[fe80::1%eth0]",
        "fe80::1%eth0", "[::1]:80:80", "[[::1]]:80", "[::1/64]/64", ":80", "[2001:db8::]/32:80",
        "1.2.3.4 all", "1.2.3.04", "1.2.3.4;drop", "1.2.3.4/8/8", "a\nb"})
    CHECK_MESSAGE(parse_egress(text).has_error(), text);
  CHECK(parse_egress("example.com").error().message.starts_with(
      "'example.com' is no IP address or network with or without ports, such as 192.0.2.7"));
  CHECK(parse_egress("").has_error());
}

}  // namespace
}  // namespace berth::platform
