// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "runtime/engine/local/address_pool.hpp"
#include "runtime/engine/local/network.hpp"

using namespace berth;
using namespace berth::runtime;

TEST_CASE("IPv4 networks are read and wrong ones refused") {
  CHECK(*parse_ipv4_prefix("198.18.0.0/16") == Ipv4Prefix{0xC6120000, 16});
  CHECK(*parse_ipv4_prefix("10.0.0.1") == Ipv4Prefix{0x0A000001, 32});
  CHECK(ipv4_text(0xC6120005) == "198.18.0.5");
  for (const char* wrong :
       {"", "198.18.0.0/33", "198.18.0.0/x", "198.18.0/16", "::1/64", "1.2.3.4/"})
    CHECK_MESSAGE(parse_ipv4_prefix(wrong).has_error(), wrong);
}

TEST_CASE("addresses go round and one given back is used again last") {
  AddressPool pool(*parse_ipv4_prefix("10.0.0.0/29"));
  CHECK(ipv4_text(pool.gateway()) == "10.0.0.1");
  CHECK(ipv4_text(*pool.take()) == "10.0.0.2");
  const auto third = *pool.take();
  pool.give_back(third);
  CHECK(ipv4_text(*pool.take()) == "10.0.0.4");
  CHECK(ipv4_text(*pool.take()) == "10.0.0.5");
  CHECK(ipv4_text(*pool.take()) == "10.0.0.6");
  CHECK(*pool.take() == third);
  CHECK(!pool.take());  // .0 is the network, .1 the gateway, .7 the broadcast address
}

TEST_CASE("an adopted address is not given out, and the next lies behind it") {
  AddressPool pool(*parse_ipv4_prefix("10.0.0.0/24"));
  pool.reserve(0x0A000009);
  CHECK(ipv4_text(*pool.take()) == "10.0.0.10");
}

TEST_CASE("a network that is too small has no address") {
  AddressPool pool(*parse_ipv4_prefix("10.0.0.0/31"));
  CHECK(!pool.take());
}

TEST_CASE("interface names are short, fixed by the id, and differ") {
  const NetworkOptions options;
  std::set<std::string> names;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = veth_name(options, "r-" + std::to_string(i));
    CHECK(name.size() <= 15);
    CHECK(name.starts_with("bth"));
    names.insert(name);
  }
  CHECK(names.size() == 2000);
  CHECK(veth_name(options, "r-1") == veth_name(options, "r-1"));
}

TEST_CASE("the IPv6 network follows from the bridge and the subnet, and an address from IPv4's") {
  NetworkOptions options;
  const auto network = **ipv6_network(options);
  CHECK(network.bits() == 64);
  CHECK(IpNetwork::parse("fd00::/8")->contains(network.address()));
  CHECK(**ipv6_network(options) == network);
  options.bridge = "berth1";
  CHECK(**ipv6_network(options) != network);
  options.subnet6 = "none";
  CHECK(!ipv6_network(options)->has_value());
  options.subnet6 = "2001:db8:1:2::/96";
  CHECK(ipv6_of(**ipv6_network(options), 0xC6120005).text() == "2001:db8:1:2::c612:5");
  for (const char* wrong : {"10.0.0.0/8", "2001:db8::/97", "x"}) {
    options.subnet6 = wrong;
    CHECK_MESSAGE(ipv6_network(options).has_error(), wrong);
  }
}

TEST_CASE("resolvers on loopback or a link are not for containers, IPv6 where they have it") {
  const char* text =
      "# x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a\nnameserver ::1\n"
      "nameserver 2001:db8::53\nnameserver fe80::1\nnameserver fe80::1%eth0\nnameserver\n";
  CHECK(reachable_resolvers(text, false) == std::vector<std::string>{"10.0.0.2"});
  CHECK(reachable_resolvers(text, true) ==
        std::vector<std::string>{"10.0.0.2", "2001:db8::53"});
  CHECK(reachable_resolvers("", true).empty());
}

TEST_CASE("the rules close the host and the neighbours and open the outside") {
  NetworkOptions options;
  options.denied_networks = {"169.254.0.0/16", "fe80::/10"};
  options.connections_per_app = 50'000;
  CHECK(inet_rules(options, "fd12::/64", {"198.18.0.1", "2001:db8::53"}) == R"(add table inet berth
delete table inet berth
add table inet berth
table inet berth {
  map egress {
    type ipv4_addr : verdict
  }
  map apps {
    type ipv4_addr : mark
  }
  set app_members {
    type ipv4_addr . mark
  }
  set asking {
    type ipv4_addr
    size 65535
    flags dynamic
    timeout 10s
  }
  map egress6 {
    type ipv6_addr : verdict
  }
  map apps6 {
    type ipv6_addr : mark
  }
  set app_members6 {
    type ipv6_addr . mark
  }
  set asking6 {
    type ipv6_addr
    size 65535
    flags dynamic
    timeout 10s
  }
  set connections {
    type mark
    size 65535
    flags dynamic
  }
  chain refused {
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }
  chain begun {
    meta mark set 0
    meta mark set ip saddr map @apps
    meta mark set ip6 saddr map @apps6
    add @connections { meta mark ct count over 50000 } goto refused
    meta mark set 0
  }
  chain questions {
    update @asking { ip saddr limit rate over 1000/second burst 200 packets } drop
    update @asking6 { ip6 saddr limit rate over 1000/second burst 200 packets } drop
  }
  chain input {
    type filter hook input priority -5; policy accept;
    iifname "berth0" udp dport 53 jump questions
    iifname "berth0" ct state established,related accept
    iifname "berth0" ip daddr 198.18.0.1 udp dport 53 accept
    iifname "berth0" ip6 daddr 2001:db8::53 udp dport 53 accept
    iifname "berth0" udp dport 53 reject
    iifname "berth0" drop
  }
  chain forward {
    type filter hook forward priority -5; policy accept;
    iifname "berth0" ct state new jump begun
    iifname "berth0" oifname "berth0" jump inside
    iifname "berth0" ip daddr 169.254.0.0/16 drop
    iifname "berth0" ip6 daddr fe80::/10 drop
    iifname "berth0" ip saddr vmap @egress
    iifname "berth0" ip6 saddr vmap @egress6
    iifname "berth0" accept
    oifname "berth0" ct state established,related accept
    oifname "berth0" drop
  }
  chain inside {
    meta mark set 0
    meta mark set ip saddr map @apps
    meta mark set ip6 saddr map @apps6
    ip daddr . meta mark @app_members accept
    ip6 daddr . meta mark @app_members6 accept
    drop
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr 198.18.0.0/16 oifname != "berth0" masquerade
    ip6 saddr fd12::/64 oifname != "berth0" masquerade
  }
}
)");
  CHECK(bridge_rules(options, {{"bth1", "198.18.0.2"}})
            .ends_with("add element bridge berth members { \"bth1\" . 198.18.0.2 }\n"));
  CHECK(delete_member(options, {"bth1", "198.18.0.2"}) ==
        "delete element bridge berth members { \"bth1\" . 198.18.0.2 }\n");
  CHECK(add_member(options, {"bth1", "198.18.0.2", 7, "fd12::2"}) ==
        "add element bridge berth members { \"bth1\" . 198.18.0.2 }\n"
        "add element bridge berth members6 { \"bth1\" . fd12::2 }\n");
}

TEST_CASE("without IPv6 nothing of it goes through") {
  const std::string rules = inet_rules(NetworkOptions{}, "", {});
  CHECK(rules.find("    iifname \"berth0\" meta nfproto ipv6 drop\n"
                   "    iifname \"berth0\" ip saddr vmap @egress\n"
                   "    iifname \"berth0\" accept\n") != std::string::npos);
  CHECK(rules.find("6 {") == std::string::npos);
}

TEST_CASE("an egress policy is a chain of its app, and its replicas' addresses lead there") {
  const NetworkOptions options;
  const std::string head = "add chain inet berth egress_7\nflush chain inet berth egress_7\n";
  const auto chain = [&](const char* policy) {
    return egress_chain(options, 7, *platform::parse_egress(policy), {"9.9.9.9"});
  };
  CHECK(chain("all") == head + "add rule inet berth egress_7 accept\n");
  const std::string refusal = "add rule inet berth egress_7 goto refused\n";
  CHECK(chain("none") == head + refusal);
  CHECK(chain("10.0.0.0/8 192.0.2.7:443") ==
        head +
            "add rule inet berth egress_7 ip daddr 9.9.9.9 meta l4proto { tcp, udp } th dport 53 "
            "accept\n"
            "add rule inet berth egress_7 ip daddr 10.0.0.0/8 accept\n"
            "add rule inet berth egress_7 ip daddr 192.0.2.7 meta l4proto { tcp, udp } th dport "
            "443-443 accept\n" +
            refusal);
  CHECK(chain("[2001:db8::/32]:443") ==
        head +
            "add rule inet berth egress_7 ip daddr 9.9.9.9 meta l4proto { tcp, udp } th dport 53 "
            "accept\n"
            "add rule inet berth egress_7 ip6 daddr 2001:db8::/32 meta l4proto { tcp, udp } th "
            "dport 443-443 accept\n" +
            refusal);
  CHECK(add_app_member(options, {"bth1", "198.18.0.2", 7}) ==
        "add element inet berth egress { 198.18.0.2 : jump egress_7 }\n"
        "add element inet berth apps { 198.18.0.2 : 7 }\n"
        "add element inet berth app_members { 198.18.0.2 . 7 }\n");
  CHECK(delete_app_member(options, {"bth1", "198.18.0.2", 7, "fd12::2"})
            .ends_with("delete element inet berth egress6 { fd12::2 : jump egress_7 }\n"
                       "delete element inet berth apps6 { fd12::2 : 7 }\n"
                       "delete element inet berth app_members6 { fd12::2 . 7 }\n"));
}
