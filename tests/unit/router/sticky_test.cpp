// SPDX-License-Identifier: Apache-2.0
//
// Clients that stay at their replica by a cookie.
#include <doctest/doctest.h>

#include <set>

#include "tests/unit/router/harness.hpp"
#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

constexpr std::string_view key = "0123456789abcdef0123456789abcdef";

struct Pair {
  Server one{answer_with("one ")};
  Server two{answer_with("two ")};
  Bed bed{2};

  explicit Pair(std::string_view sticky_key = key) { put(sticky_key); }
  void put(std::string_view sticky_key) {
    bed.put("running", {{"r-1", one.port()}, {"r-2", two.port()}}, {{"sticky_key", sticky_key}});
  }
  Peer::Message ask(std::string_view cookie = "") {
    Peer client = bed.client();
    client.send(get("/", cookie.empty() ? "" : "Cookie: " + std::string(cookie) + "\r\n"));
    return client.read_message();
  }
};

std::string cookie_of(const Peer::Message& answer) {
  const std::string text = answer.header("set-cookie");
  return text.substr(0, text.find(';'));
}

}  // namespace

TEST_CASE("a client comes back to the replica that its cookie names") {
  Pair pair;
  const auto first = pair.ask();
  const std::string cookie = cookie_of(first);
  CHECK(first.header("set-cookie") == cookie + "; Path=/; HttpOnly; SameSite=Lax");
  CHECK(cookie.starts_with("berth_affinity="));
  CHECK(cookie.size() == 31);
  for (int i = 0; i < 30; ++i) {
    const auto again = pair.ask("theme=dark; " + cookie + "; x=1");
    CHECK(again.body == first.body);
    CHECK(again.header("set-cookie").empty());
  }
  std::set<std::string> bodies;
  for (int i = 0; i < 50; ++i) bodies.insert(pair.ask().body);
  CHECK(bodies.size() == 2);
}

TEST_CASE("a cookie that names no replica, or is of another app, is replaced") {
  Pair pair;
  const std::string cookie = cookie_of(pair.ask());
  for (const std::string& other :
       {std::string("berth_affinity=0000000000000001"), std::string("berth_affinity="),
        "xberth_affinity=" + cookie.substr(15), cookie + "0"})
    CHECK_MESSAGE(!cookie_of(pair.ask(other)).empty(), other);
  pair.put("fedcba9876543210fedcba9876543210");
  CHECK(cookie_of(pair.ask(cookie)).starts_with("berth_affinity="));
}

TEST_CASE("a replica that is gone is replaced by another, with its cookie") {
  Pair pair;
  const auto first = pair.ask();
  const bool was_one = first.body == "one /";
  const std::string cookie = cookie_of(first);
  // It died, and the table does not know yet.
  (was_one ? pair.one : pair.two).kill();
  const auto moved = pair.ask(cookie);
  CHECK(moved.status() == 200);
  CHECK(moved.body == (was_one ? "two /" : "one /"));
  const std::string next = cookie_of(moved);
  CHECK(next != cookie);
  CHECK_FALSE(next.empty());
  // And now it knows.
  const ReplicaSpec left = was_one ? ReplicaSpec{"r-2", pair.two.port()}
                                   : ReplicaSpec{"r-1", pair.one.port()};
  pair.bed.put("running", {left}, {{"sticky_key", key}});
  CHECK(cookie_of(pair.ask(cookie)) == next);
  CHECK(cookie_of(pair.ask(next)).empty());
}

TEST_CASE("a client of HTTP/2 stays, too") {
  Pair pair;
  Http2Peer client(pair.bed.client());
  const std::string body = client.answer(client.get("/")).body;
  const std::string cookie = client.so_far(1).field("set-cookie").substr(0, 31);
  CHECK(cookie.starts_with("berth_affinity="));
  for (int i = 0; i < 10; ++i) {
    const Answer& again = client.answer(client.get("/", {{"cookie", "a=1"}, {"cookie", cookie}}));
    CHECK(again.body == body);
    CHECK(again.field("set-cookie").empty());
  }
}

TEST_CASE("without being asked for there is no cookie") {
  Pair pair("");
  CHECK(pair.ask().header("set-cookie").empty());
}

TEST_CASE("by HTTPS the cookie is for HTTPS alone") {
  Server server(answer_with(""));
  Bed bed(1, [](Options& options) { options.listen_https = {"127.0.0.1:0"}; });
  bed.put("running", {{"r-1", server.port()}}, {{"sticky_key", key}});
  const auto authority = CertificateAuthority::create("Test", "localhost").value();
  bed.put_certificate("hello", {"hello.localhost"}, authority.issue("hello.localhost").value());
  Peer client = bed.https_client();
  REQUIRE(client.start_tls({.trusted = authority.certificate()}) == "");
  client.send(get("/"));
  CHECK(client.read_message().header("set-cookie").ends_with("; SameSite=Lax; Secure"));
}

}  // namespace berth::router::test
