// SPDX-License-Identifier: Apache-2.0
//
// What an app asks the router to refuse: by address, rate, size, number and password.
#include "router/rules.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "base/crypto.hpp"
#include "base/password.hpp"
#include "router/rate_table.hpp"
#include "tests/unit/router/harness.hpp"
#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

struct Ruled {
  std::atomic<int> asked{0};
  Server server{[this](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      // A body that was cut off on its way is not a request that the app was asked.
      const bool chunked = request.header("transfer-encoding") == "chunked";
      if (request.head.empty() || (chunked && request.body.empty())) return;
      ++asked;
      peer.send(response("ok"));
    }
  }};
  Bed bed;

  explicit Ruled(json::object rules, unsigned threads = 1) : bed(threads) {
    put(std::move(rules));
  }
  void put(json::object rules) {
    bed.put("running", {{"r-1", server.port()}}, {{"rules", std::move(rules)}});
  }
  Peer::Message ask(std::string_view fields = "") {
    Peer client = bed.client();
    client.send(get("/", fields));
    return client.read_message();
  }
  std::string code(std::string_view fields = "") { return ask(fields).header("x-berth-error"); }
};

std::string basic(std::string_view credentials) {
  return "Authorization: Basic " + base64(credentials) + "\r\n";
}

json::object user(std::string_view name, std::string_view password) {
  return {{"users", {{name, hash_password(password)}}}, {"realm", "hello"}};
}

}  // namespace

TEST_CASE("a bucket lets a burst pass, then one an interval, for each client apart") {
  RateTable table;
  const auto limit = RateTable::Limit::of(10, 1, 3);
  std::int64_t now = 1'000'000'000'000;
  for (int i = 0; i < 3; ++i) CHECK(table.take(1, limit, now) == 0);
  CHECK(table.take(1, limit, now) == 100'000'000);
  CHECK(table.take(2, limit, now) == 0);
  now += 60'000'000;
  CHECK(table.take(1, limit, now) == 40'000'000);
  now += 40'000'000;
  CHECK(table.take(1, limit, now) == 0);
  CHECK(table.take(1, limit, now) > 0);
  table.give_back(1, limit, now);
  CHECK(table.take(1, limit, now) == 0);
  // Another limit begins with a full bucket at the worst, whatever the one before says.
  const auto strict = RateTable::Limit::of(1, 3600, 1);
  CHECK(table.take(3, strict, now) == 0);
  CHECK(table.take(3, limit, now) == 100'000'000);
  now += 3'600'000'000'000;
  for (int i = 0; i < 3; ++i) CHECK(table.take(1, limit, now) == 0);
  CHECK(table.take(1, limit, now) > 0);
}

TEST_CASE("more clients than there are places do not get one another's limit") {
  RateTable table;
  const auto limit = RateTable::Limit::of(1, 1, 1);
  const std::int64_t now = 1'000'000'000'000;
  for (std::uint64_t client = 1; client <= 100'000; ++client)
    REQUIRE(table.take(client * 0x9e3779b97f4a7c15, limit, now) == 0);
}

TEST_CASE("addresses of one subscriber are one client") {
  const RateTable table;
  CHECK(table.key_of_address("2001:db8::1") == table.key_of_address("2001:db8::ffff:2"));
  CHECK(table.key_of_address("2001:db8::1") != table.key_of_address("2001:db8:0:1::1"));
  CHECK(table.key_of_address("192.0.2.1") != table.key_of_address("192.0.2.2"));
  CHECK(table.key_of_address("192.0.2.1") != RateTable().key_of_address("192.0.2.1"));
}

TEST_CASE("a client that asks too often is told to wait, on whichever thread it is") {
  Ruled app({{"rate_limit", {{"requests", 1}, {"per_s", 3600}, {"burst", 5}, {"header", ""}}}}, 2);
  int passed = 0;
  for (int i = 0; i < 20; ++i) passed += app.ask().status() == 200;
  CHECK(passed == 5);
  CHECK(app.asked == 5);
  const auto refused = app.ask("Accept: application/json\r\n");
  CHECK(refused.status() == 429);
  CHECK(refused.head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  CHECK(refused.header("x-berth-error") == "rate-limited");
  CHECK(std::stoi(refused.header("retry-after")) > 3500);
  CHECK(refused.body.find("\"id\":\"rate-limited\"") != std::string::npos);
  const auto lines = app.bed.log_lines(21);
  CHECK(lines.back().find("code=rate-limited desc=\"Too many requests\"") != std::string::npos);
  CHECK(lines.back().find("status=429") != std::string::npos);
}

TEST_CASE("clients are told apart by a header, those without it by address") {
  Ruled app({{"rate_limit",
              {{"requests", 1}, {"per_s", 3600}, {"burst", 1}, {"header", "x-api-key"}}}});
  CHECK(app.ask("X-Api-Key: a\r\n").status() == 200);
  CHECK(app.ask("x-api-KEY: a\r\n").status() == 429);
  CHECK(app.ask("X-Api-Key: b\r\n").status() == 200);
  CHECK(app.ask().status() == 200);
  CHECK(app.ask().status() == 429);
}

TEST_CASE("only allowed addresses pass") {
  Ruled app({{"allow_from", {"192.0.2.0/24"}}});
  // What a stranger claims counts for nothing.
  const auto refused = app.ask("X-Forwarded-For: 192.0.2.7\r\n");
  CHECK(refused.status() == 403);
  CHECK(refused.header("x-berth-error") == "forbidden");
  CHECK(app.asked == 0);
  app.put({{"allow_from", {"192.0.2.0/24", "127.0.0.0/8"}}});
  CHECK(app.ask().status() == 200);
}

TEST_CASE("a body that is too large is refused as soon as that is known") {
  Ruled app({{"max_body", 10}});
  Peer client = app.bed.client();
  client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 10\r\n\r\n0123456789");
  CHECK(client.read_message().status() == 200);
  client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 11\r\n\r\n");
  const auto refused = client.read_message();
  CHECK(refused.status() == 413);
  CHECK(refused.header("x-berth-error") == "body-too-large");
  CHECK(refused.header("connection") == "close");
  CHECK(app.asked == 1);

  Peer chunked = app.bed.client();
  chunked.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  chunked.send("4\r\nabcd\r\n");
  chunked.send("8\r\nabcdefgh\r\n0\r\n\r\n");
  CHECK(chunked.read_message().header("x-berth-error") == "body-too-large");
  CHECK(app.asked == 1);
}

TEST_CASE("a head that is too large for the app is refused") {
  Ruled app({{"max_head", 500}});
  CHECK(app.ask("X-A: " + std::string(300, 'a') + "\r\n").status() == 200);
  const auto refused = app.ask("X-A: " + std::string(500, 'a') + "\r\n");
  CHECK(refused.status() == 431);
  CHECK(refused.header("x-berth-error") == "head-too-large");
}

TEST_CASE("no more requests than the app takes are in flight") {
  std::mutex gate;
  gate.lock();
  std::atomic<int> waiting{0};
  Server server([&](Peer& peer) {
    if (peer.read_message().head.empty()) return;
    ++waiting;
    gate.lock();
    gate.unlock();
    peer.send(response("ok"));
  });
  Bed bed(2);
  bed.put("running", {{"r-1", server.port()}}, {{"rules", {{"max_in_flight", 2}}}});
  Peer first = bed.client();
  Peer second = bed.client();
  first.send(get("/1"));
  second.send(get("/2"));
  REQUIRE(eventually([&] { return waiting == 2; }));
  Peer third = bed.client();
  third.send(get("/3"));
  const auto refused = third.read_message();
  CHECK(refused.status() == 503);
  CHECK(refused.header("x-berth-error") == "H22");
  CHECK(refused.header("retry-after") == "1");
  gate.unlock();
  CHECK(first.read_message().status() == 200);
  CHECK(second.read_message().status() == 200);
  CHECK(eventually([&] {
    third.send(get("/3"));
    return third.read_message().status() == 200;
  }));
}

TEST_CASE("an app with users answers those alone who know a password") {
  Ruled app(user("ada", "open sesame"), 2);
  const auto asked = app.ask();
  CHECK(asked.status() == 401);
  CHECK(asked.header("www-authenticate") == "Basic realm=\"hello\", charset=\"UTF-8\"");
  CHECK(asked.header("x-berth-error") == "unauthorized");
  CHECK(app.ask(basic("ada:open sesamf")).status() == 401);
  CHECK(app.ask(basic("bob:open sesame")).status() == 401);
  CHECK(app.ask("Authorization: Bearer x\r\n").status() == 401);
  CHECK(app.ask("Authorization: Basic !!\r\n").status() == 401);
  CHECK(app.asked == 0);
  Peer client = app.bed.client();
  for (int i = 0; i < 50; ++i) {
    client.send(get("/", basic("ada:open sesame")));
    CHECK(client.read_message().status() == 200);
  }
  CHECK(app.asked == 50);
  // Pipelined requests wait for the one that is being checked.
  Peer other = app.bed.client();
  other.send(get("/", basic("ada:open sesame")) + get("/", basic("ada:open sesame")));
  CHECK(other.read_message().status() == 200);
  CHECK(other.read_message().status() == 200);
}

TEST_CASE("what is refused is counted apart, and wakes nobody") {
  Bed bed;
  bed.put("asleep", {}, {{"rules", {{"allow_from", {"192.0.2.0/24"}}}}, {"hold_timeout_ms", 20}});
  Peer client = bed.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    CHECK(client.read_message().status() == 403);
  }
  bed.put("asleep", {}, {{"hold_timeout_ms", 20}});
  client.send(get("/"));
  CHECK(client.read_message().header("x-berth-error") == "H20");
  std::int64_t requests = 0;
  std::int64_t refused = 0;
  while (requests < 4) {
    const json::object samples = bed.control->wait_for("samples");
    REQUIRE(samples.contains("apps"));
    const json::object& apps = samples.at("apps").as_object();
    if (!apps.contains("hello")) continue;
    requests += apps.at("hello").at("requests").to_number<std::int64_t>();
    refused += apps.at("hello").at("refused").to_number<std::int64_t>();
  }
  CHECK(requests == 4);
  CHECK(refused == 3);
}

TEST_CASE("a changed password holds at once, and the one before does not") {
  Ruled app(user("ada", "first"));
  CHECK(app.ask(basic("ada:first")).status() == 200);
  app.put(user("ada", "second"));
  CHECK(app.ask(basic("ada:first")).status() == 401);
  CHECK(app.ask(basic("ada:second")).status() == 200);
  app.bed.put("running", {{"r-1", app.server.port()}});
  CHECK(app.ask().status() == 200);
}

TEST_CASE("who tries passwords is held off, and a client that goes away meanwhile harms nobody") {
  Ruled app(user("ada", "right"));
  for (int i = 0; i < 5; ++i) {
    Peer hasty = app.bed.client();
    hasty.send(get("/", basic("ada:wrong" + std::to_string(i))));
    hasty.reset();
  }
  int refused = 0;
  for (int i = 0; i < 20; ++i)
    refused += app.ask(basic("ada:guess" + std::to_string(i))).status() == 429;
  CHECK(refused >= 10);
  CHECK(app.code(basic("ada:another")) == "rate-limited");
  CHECK(app.asked == 0);
}

TEST_CASE("rules hold for each stream of HTTP/2, and a password is waited for by one alone") {
  Ruled app(user("ada", "open sesame"));
  Http2Peer client(app.bed.client());
  const std::string right = "Basic " + base64("ada:open sesame");
  const auto first = client.get("/", {{"authorization", right}});
  const auto none = client.get("/");
  const auto second = client.get("/", {{"authorization", right}});
  CHECK(client.answer(none).status() == 401);
  CHECK(client.so_far(none).field("www-authenticate").starts_with("Basic realm=\"hello\""));
  CHECK(client.answer(first).status() == 200);
  CHECK(client.answer(second).status() == 200);
  // One that is cancelled while it waits ends, and the others go on.
  const auto wrong = client.get("/", {{"authorization", "Basic " + base64("ada:x")}});
  client.send(frame(FrameType::rst_stream, 0, wrong, be32(8)));
  CHECK(client.answer(client.get("/", {{"authorization", right}})).status() == 200);
  app.put({{"max_body", 10}});
  const auto post = client.head(99, Http2Peer::request("POST", "/"), false) +
                    frame(FrameType::data, 0, 99, std::string(20, 'x'));
  client.send(post);
  CHECK(client.answer(99).status() == 413);
}

TEST_CASE("rules survive being written and read, and bad ones are refused") {
  const json::object rules{
      {"allow_from", {"10.0.0.0/8", "2001:db8::/32"}},
      {"rate_limit", {{"requests", 5}, {"per_s", 60}, {"burst", 9}, {"header", "x-key"}}},
      {"max_body", 1000},
      {"max_head", 2000},
      {"max_in_flight", 3},
      {"users", {{"ada", hash_password("x")}}},
      {"realm", "hello"}};
  CHECK(to_json(rules_from(rules).value()) == rules);
  for (const char* bad : {R"({"allow_from":["home"]})", R"({"rate_limit":{"requests":0}})",
                          R"({"max_body":-1})", R"({"users":{"ada":"secret"}})",
                          R"({"realm":"a\"b"})", R"({"rate_limit":{"requests":1,"per_s":1,"burst":1,
                          "header":"X Y"}})"})
    CHECK_MESSAGE(rules_from(*parse_json_object(bad)).has_error(), bad);
}

}  // namespace berth::router::test
