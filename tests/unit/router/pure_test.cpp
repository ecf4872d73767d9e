// SPDX-License-Identifier: Apache-2.0
//
// The decisions and values of the router without a socket: rewriting, choosing, retrying, the table
// and its messages, host matching, held requests, error pages, log lines, timers, histograms.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <string>

#include "base/json.hpp"
#include "router/access_log.hpp"
#include "router/choose.hpp"
#include "router/counters.hpp"
#include "router/errors.hpp"
#include "router/held_queue.hpp"
#include "router/http/rewrite.hpp"
#include "router/loop/buffer.hpp"
#include "router/loop/timer_wheel.hpp"
#include "router/routing.hpp"
#include "router/samples.hpp"
#include "router/snapshot.hpp"
#include "router/table.hpp"

namespace berth::router {

namespace {

std::string rewritten(const std::string& text) {
  http::RequestHead head;
  REQUIRE(http::scan_request(text, head).status == http::ScanStatus::complete);
  const http::RequestContext context{.client_ip = "192.0.2.7",
                                     .proto = "http",
                                     .port = "8080",
                                     .request_id = "the-id",
                                     .started_ms = 1700000000123};
  std::string out(http::rewritten_request_bound(head.size), '\0');
  const auto result = http::rewrite_request(head, context, out.data());
  REQUIRE(result.size <= out.size());
  out.resize(result.size);
  CHECK(out.substr(result.host.begin, result.host.size) == head.host);
  CHECK(out.substr(result.target.begin, result.target.size) == head.target);
  CHECK(out.substr(result.request_id.begin, result.request_id.size) == "the-id");
  return out;
}

const std::string added =
    "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\nX-Forwarded-Host: a:1\r\n"
    "Forwarded: for=192.0.2.7;proto=http;host=\"a:1\"\r\n"
    "X-Request-Id: the-id\r\nX-Request-Start: 1700000000123\r\nVia: 1.1 berth\r\n\r\n";

std::string rewritten_response(const std::string& text, const http::ResponseContext& context) {
  http::ResponseHead head;
  REQUIRE(http::scan_response(text, head).status == http::ScanStatus::complete);
  std::string out(http::rewritten_response_bound(head.size), '\0');
  out.resize(http::rewrite_response(head, context, out.data()));
  return out;
}

Table sample_table() {
  Table table;
  table.version = 7;
  App app;
  app.name = "hello";
  app.release = 3;
  app.log = "/logs/hello";
  app.replicas = {{"r-1", "web.1", "198.18.0.5", 5000}, {"r-2", "web.2", "fd00::1", 5000}};
  table.apps["hello"] = app;
  table.hosts = {{"hello.localhost", "hello"}, {"*.shop.example", "hello"}};
  return table;
}

}  // namespace

TEST_CASE("a request head passes with the forwarded headers, and nothing else is changed") {
  CHECK(rewritten("GET /x HTTP/1.0\r\nHost: a:1\r\nUser-Agent: t\r\nCookie: a=b\r\n\r\n") ==
        "GET /x HTTP/1.1\r\nHost: a:1\r\nUser-Agent: t\r\nCookie: a=b\r\nX-Forwarded-For: "
        "192.0.2.7\r\n" +
            added);
}

TEST_CASE("hop-by-hop fields, forged ones and their underscore twins are left out") {
  CHECK(rewritten("POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 2\r\nConnection: X-A, close\r\n"
                  "X-A: 1\r\nX-B: 2\r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\n"
                  "Upgrade: h2c\r\nHTTP2-Settings: x\r\nX-Forwarded-Proto: https\r\n"
                  "Forwarded: for=\"evil\r\n"
                  "X_Forwarded_For: evil\r\nx_request_id: evil\r\nExpect: 100-continue\r\n\r\n") ==
        "POST / HTTP/1.1\r\nHost: a:1\r\nX-B: 2\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
        "X-Forwarded-For: 192.0.2.7\r\n" +
            added);
}

TEST_CASE("X-Forwarded-For is appended to, over several lines") {
  CHECK(rewritten("GET / HTTP/1.1\r\nHost: a:1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: "
                  "2.2.2.2, 3.3.3.3\r\n\r\n") ==
        "GET / HTTP/1.1\r\nHost: a:1\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\r\n" +
            added);
}

TEST_CASE("an upgrade is passed on") {
  CHECK(rewritten(
            "GET / HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") ==
        "GET / HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "X-Forwarded-For: 192.0.2.7\r\n" +
            added);
}

TEST_CASE("request ids are kept if they are of the form that Heroku keeps") {
  CHECK(http::is_valid_request_id("0123456789abcdefABCD"));
  CHECK(http::is_valid_request_id("5c472361-73d1-47db-9259-35db6d8bfe68"));
  CHECK_FALSE(http::is_valid_request_id("too-short"));
  CHECK_FALSE(http::is_valid_request_id(std::string(201, 'a')));
  CHECK_FALSE(http::is_valid_request_id("0123456789 0123456789"));
  CHECK_FALSE(http::is_valid_request_id("0123456789\"0123456789"));
}

TEST_CASE("a response head loses its hop-by-hop fields and says how the connection goes on") {
  const std::string text =
      "HTTP/1.0 200 Fine\r\nContent-Length: 2\r\nContent-Length: 2\r\nConnection: X-A\r\nX-A: 1\r\n"
      "Keep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nUpgrade: x\r\n\r\n";
  const std::string begin =
      "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.1 "
      "berth\r\n";
  CHECK(rewritten_response(text, {}) == begin + "\r\n");
  CHECK(rewritten_response(text, {.close = true}) == begin + "Connection: close\r\n\r\n");
  CHECK(rewritten_response(text, {.client_is_http_1_0 = true}) ==
        begin + "Connection: keep-alive\r\n\r\n");
}

TEST_CASE("1xx and 204 carry no framing, chunks are hidden from HTTP/1.0") {
  CHECK(rewritten_response("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", {}) ==
        "HTTP/1.1 204 No\r\nVia: 1.1 berth\r\n\r\n");
  CHECK(rewritten_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                           {.client_is_http_1_0 = true, .close = true}) ==
        "HTTP/1.1 200 OK\r\nVia: 1.1 berth\r\nConnection: close\r\n\r\n");
}

TEST_CASE("of two replicas drawn at random the less loaded one is chosen") {
  Random random(1);
  const std::array<std::uint64_t, 2> two{5, 2};
  for (int i = 0; i < 100; ++i)
    CHECK(choose_replica(2, random, [&](std::size_t n) { return two[n]; }) == 1);
  CHECK(choose_replica(1, random, [](std::size_t) { return avoided; }) == 0);
}

TEST_CASE("loads stay level over many choices") {
  Random random(42);
  std::array<std::uint64_t, 10> load{};
  for (int i = 0; i < 10'000; ++i)
    ++load[choose_replica(load.size(), random, [&](std::size_t n) { return load[n]; })];
  for (const std::uint64_t n : load) CHECK(n > 980);
}

TEST_CASE("an avoided replica is chosen only if all are avoided") {
  Random random(7);
  std::array<std::uint64_t, 4> load{avoided, avoided + 1, 9, avoided};
  for (int i = 0; i < 200; ++i)
    CHECK(choose_replica(4, random, [&](std::size_t n) { return load[n]; }) == 2);
  load[2] = avoided + 9;
  for (int i = 0; i < 50; ++i)
    CHECK(choose_replica(4, random, [&](std::size_t n) { return load[n]; }) != 2);
}

TEST_CASE("only attempts that cannot have done anything are made again") {
  const Attempt refused{.number = 1, .connected = false, .replayable = true, .idempotent = false};
  CHECK(may_retry(refused));
  Attempt died{
      .number = 1, .connected = true, .reused = true, .replayable = true, .idempotent = true};
  CHECK(may_retry(died));
  died.idempotent = false;
  CHECK_FALSE(may_retry(died));
  died.nothing_received = true;
  CHECK(may_retry(died));
  died.response_begun = true;
  CHECK_FALSE(may_retry(died));
  CHECK_FALSE(may_retry(
      {.number = 1, .connected = true, .reused = false, .replayable = true, .idempotent = true}));
  CHECK_FALSE(may_retry({.number = 1, .connected = false, .replayable = false}));
  CHECK_FALSE(may_retry({.number = max_attempts, .connected = false, .replayable = true}));
}

TEST_CASE("what happens follows from the state and from whether there is a replica") {
  using enum Decision::Action;
  for (const AppState state :
       {AppState::running, AppState::asleep, AppState::stopped, AppState::crashed})
    CHECK(decide(state, true).action == proxy);
  CHECK(decide(AppState::running, false) == Decision{hold, ErrorCode::H14, false});
  CHECK(decide(AppState::asleep, false) == Decision{hold, ErrorCode::H20, true});
  CHECK(decide(AppState::stopped, false) == Decision{fail, ErrorCode::H14, false});
  CHECK(decide(AppState::crashed, false) == Decision{fail, ErrorCode::H10, false});
  CHECK(decide(AppState::empty, true) == Decision{fail, ErrorCode::H81, false});
  CHECK(decide(AppState::maintenance, true) == Decision{fail, ErrorCode::H80, false});
}

TEST_CASE("the table survives being written and read") {
  const Table table = sample_table();
  const auto read = table_from_json(to_json(table));
  REQUIRE_FALSE(read.has_error());
  CHECK(*read == table);
}

TEST_CASE("messages change the table as they say") {
  Table table;
  const auto tell = [&](std::string_view line) {
    auto message = parse_message(line);
    REQUIRE_FALSE(message.has_error());
    apply(table, std::move(*message));
  };
  tell(R"({"type":"put_app","version":8,"app":{"name":"hello","state":"asleep","release":3,
          "first_byte_timeout_ms":100,"replicas":[]}})");
  tell(R"({"type":"put_host","version":9,"host":"WWW.Example.com.","app":"hello"})");
  tell(R"({"type":"tomorrow","version":10})");
  CHECK(table.version == 9);
  CHECK(table.apps.at("hello").state == AppState::asleep);
  CHECK(table.apps.at("hello").first_byte_timeout == std::chrono::milliseconds(100));
  CHECK(table.apps.at("hello").idle_timeout == std::chrono::milliseconds(55'000));
  CHECK(table.hosts.at("www.example.com") == "hello");
  tell(R"({"type":"remove_host","version":11,"host":"www.example.com"})");
  tell(R"({"type":"remove_app","version":12,"name":"hello"})");
  CHECK(table.hosts.empty());
  CHECK(table.apps.empty());
  Table whole = sample_table();
  json::object snapshot = to_json(whole);
  snapshot["type"] = "snapshot";
  tell(to_text(snapshot));
  CHECK(table == whole);
}

TEST_CASE("messages that make no sense are refused with a reason") {
  const auto reason = [](std::string_view line) {
    const auto message = parse_message(line);
    REQUIRE(message.has_error());
    return message.error().message;
  };
  CHECK(reason("{}") == "'type' is required");
  CHECK(reason(R"({"type":"put_app","version":1})") == "put_app: 'app' is required");
  CHECK(reason(R"({"type":"put_app","version":1,"app":{"name":"a b","state":"running"}})") ==
        "put_app: 'name' has a character that no name has");
  CHECK(reason(R"({"type":"put_app","version":1,"app":{"name":"a","state":"great"}})") ==
        "put_app: app a: unknown app state 'great'");
  CHECK(reason(R"({"type":"put_app","version":1,"app":{"name":"a","state":"running","replicas":[
          {"id":"r","name":"web.1","address":"example.com","port":80}]}})") ==
        "put_app: app a: 'example.com' is not an IP address");
  CHECK(reason(R"({"type":"put_app","version":1,"app":{"name":"a","state":"running","replicas":[
          {"id":"r","name":"web.1","address":"10.0.0.1","port":0}]}})") ==
        "put_app: app a: port 0 is out of range");
  for (const std::string host : {"", ".", "a..", "a..b", "*.", "*", "a b", "[x]", "*.*.a"}) {
    CHECK(reason(R"({"type":"put_host","version":1,"app":"b","host":")" + host + "\"}") ==
          "put_host: '" + host + "' is not a host name");
  }
  CHECK(reason(R"({"type":"put_host","host":"a","app":"b"})") == "put_host: 'version' is required");
}

TEST_CASE("hosts match exactly, then by the wildcard of their parent") {
  HostMap hosts;
  hosts.add("hello.localhost", 1);
  hosts.add("*.shop.example", 2);
  hosts.add("www.shop.example", 3);
  hosts.add("[::1]", 4);
  CHECK(hosts.find("hello.localhost") == 1);
  CHECK(hosts.find("HELLO.LocalHost:8080") == 1);
  CHECK(hosts.find("hello.localhost.") == 1);
  CHECK(hosts.find("a.shop.example") == 2);
  CHECK(hosts.find("www.shop.example") == 3);
  CHECK(hosts.find("[::1]:8080") == 4);
  CHECK_FALSE(hosts.find("shop.example").has_value());
  CHECK_FALSE(hosts.find("a.b.shop.example").has_value());
  CHECK_FALSE(hosts.find(".shop.example").has_value());
  CHECK_FALSE(hosts.find("").has_value());
  CHECK_FALSE(hosts.find(std::string(1000, 'a')).has_value());
}

TEST_CASE("of the routes for a request the nearest host wins, there the longest path") {
  RouteMap routes;
  routes.add("shop.example", 1);
  routes.add("shop.example/api", 2);
  routes.add("shop.example/api/v2", 3);
  routes.add("*.shop.example", 4);
  routes.add("*.eu.shop.example", 5);
  routes.add("www.shop.example/admin", 6);
  routes.add("*.shop.example/api", 7);
  CHECK(routes.size() == 7);
  const auto find = [&](std::string_view host, std::string_view target) {
    return static_cast<int>(routes.find(host, target).value_or(0));
  };
  CHECK(find("shop.example", "/") == 1);
  CHECK(find("SHOP.example.:8080", "/apix") == 1);
  CHECK(find("shop.example", "/API") == 1);
  CHECK(find("shop.example", "//api") == 1);
  CHECK(find("shop.example", "*") == 1);
  CHECK(find("shop.example", "/api") == 2);
  CHECK(find("shop.example", "/api/") == 2);
  CHECK(find("shop.example", "/api?v2") == 2);
  CHECK(find("shop.example", "/api?/v2") == 2);
  CHECK(find("shop.example", "/api#/v2") == 2);
  CHECK(find("shop.example", "/api/v20") == 2);
  CHECK(find("shop.example", "/api/v2/x/y/z") == 3);
  CHECK(find("a.shop.example", "/") == 4);
  CHECK(find("a.b.shop.example", "/x") == 4);
  CHECK(find("a.shop.example", "/api/1") == 7);
  CHECK(find("a.eu.shop.example", "/") == 5);
  // The longer wildcard has no route but for all of it.
  CHECK(find("a.eu.shop.example", "/api") == 5);
  CHECK(find("eu.shop.example", "/") == 4);
  // A host that has no route for the path leaves it to the wildcard.
  CHECK(find("www.shop.example", "/admin/x") == 6);
  CHECK(find("www.shop.example", "/") == 4);
  CHECK(find(".shop.example", "/") == 0);
  CHECK(find("example", "/") == 0);
  CHECK(find("", "/") == 0);
  CHECK(find(std::string(1000, 'a'), "/") == 0);
  CHECK(find("shop.example", std::string(10'000, '/')) == 1);
}

TEST_CASE("a route's path is of whole segments") {
  const auto route = [](const std::string& text) {
    auto message = parse_message(R"({"type":"put_host","version":1,"app":"b","host":")" + text +
                                 "\"}");
    return message.has_error() ? message.error().message : std::get<PutHost>(*message).host;
  };
  CHECK(route("Shop.Example/Api/v2") == "shop.example/Api/v2");
  CHECK(route("*.shop.example/api") == "*.shop.example/api");
  for (const std::string bad : {"a/", "a//b", "a/./b", "a/..", "a/b/", "a/b c", "a/b?c"})
    CHECK(route(bad) == "put_host: '" + bad + "' has no path of a route");
  CHECK(route("a/" + std::string(255, 'x')).find("has no path") != std::string::npos);
}

TEST_CASE("a snapshot names what changed and shares what did not") {
  SnapshotBuilder builder(2);
  Table table = sample_table();
  const auto first = builder.build(table, {.all = true, .hosts = true, .apps = {}});
  REQUIRE(first->changes.size() == 1);
  CHECK(first->changes[0].before == nullptr);
  CHECK(first->routes->find("hello.localhost", "/") == 0);
  table.apps["other"].name = "other";
  table.version = 8;
  const auto second =
      builder.build(table, {.all = false, .hosts = false, .apps = {"other", "hello"}});
  CHECK(second->version == 8);
  REQUIRE(second->changes.size() == 1);
  CHECK(second->changes[0].slot == 1);
  CHECK(second->routes == first->routes);
  table.apps.erase("hello");
  const auto third = builder.build(table, {.all = false, .hosts = false, .apps = {"hello"}});
  REQUIRE(third->changes.size() == 1);
  CHECK(third->changes[0].slot == 0);
  CHECK(third->changes[0].before == first->changes[0].app);
  CHECK(third->changes[0].app == nullptr);
  CHECK(third->changes[0].runtime == first->changes[0].runtime);
}

TEST_CASE("held requests leave in the order in which they came, bounded over all threads") {
  std::atomic<std::uint32_t> count{0};
  HeldQueue<int*> one(count);
  HeldQueue<int*> two(count);
  std::array<int, 1001> items{};
  for (std::size_t i = 0; i < 1000; ++i) REQUIRE((i % 2 ? one : two).push(&items[i]));
  CHECK_FALSE(one.push(&items[1000]));
  CHECK(one.remove(&items[3]));
  CHECK_FALSE(one.remove(&items[3]));
  CHECK(two.push(&items[1000]));
  CHECK_FALSE(two.push(&items[3]));
  const auto released = one.take_all();
  CHECK(released.size() == 499);
  CHECK(released[0] == &items[1]);
  CHECK(released[1] == &items[5]);
  CHECK(count == 501);
  CHECK(one.empty());
}

TEST_CASE("error pages are what the client accepts, with the code in a header") {
  ErrorPage page;
  page.code = ErrorCode::H10;
  page.app = "hello";
  page.host = "hello.localhost";
  page.message = "exited with <1>";
  page.request_id = "id";
  const std::string text = render(page);
  CHECK(text.starts_with("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain"));
  CHECK(text.find("\r\nX-Berth-Error: H10\r\n") != std::string::npos);
  CHECK(text.ends_with("App crashed (H10): exited with <1>\nrequest id\n"));
  page.accepts = http::Accepts::html;
  CHECK(render(page).find("exited with &lt;1&gt;") != std::string::npos);
  page.accepts = http::Accepts::json;
  CHECK(
      render(page).ends_with("{\"id\":\"H10\",\"message\":\"exited with "
                             "<1>\",\"app\":\"hello\",\"request_id\":\"id\"}\n"));
  page.to_head = true;
  page.close = true;
  CHECK(render(page).ends_with("Connection: close\r\n\r\n"));
  CHECK(render(page).find("Server-Timing") == std::string::npos);
  page.times = {.held_us = -1, .connect_us = 70, .wait_us = 30'000'123, .total_us = 30'001'500};
  CHECK(render(page).find("\r\nServer-Timing: connect;dur=0.070, first_byte;dur=30000.123, "
                          "total;dur=30001.500\r\n") != std::string::npos);
}

TEST_CASE("a log line is Heroku's, and cannot be forged") {
  TimestampFormatter timestamps;
  AccessRecord record;
  record.at_us = 1795410938916000;
  record.method = "GET";
  record.target = "/a\"b\\c\nd\x7f";
  record.host = "hello.localhost";
  record.request_id = "id";
  record.forwarded_for = "127.0.0.1";
  record.replica = "web.1";
  record.connect_us = 1999;
  record.service_us = 12'000;
  record.status = 200;
  record.bytes = 123;
  std::string line;
  append_line(record, timestamps, line);
  CHECK(line ==
        "2026-11-23T05:15:38.916000+00:00 berth[router]: at=info method=GET "
        "path=\"/a\\\"b\\\\c\\x0ad\\x7f\" host=hello.localhost request_id=id fwd=\"127.0.0.1\" "
        "replica=web.1 connect=1ms service=12ms status=200 bytes=123 protocol=http\n");
  record.error = ErrorCode::H12;
  record.held_us = 812'000;
  record.target = "/";
  record.replica = {};
  record.connect_us = -1;
  record.status = 503;
  line.clear();
  append_line(record, timestamps, line);
  CHECK(
      line ==
      "2026-11-23T05:15:38.916000+00:00 berth[router]: at=error code=H12 desc=\"Request timeout\" "
      "method=GET path=\"/\" host=hello.localhost request_id=id fwd=\"127.0.0.1\" replica= "
      "connect= "
      "service=12ms held=812ms status=503 bytes=123 protocol=http\n");
}

TEST_CASE("timers fire after their deadline, in any order of setting and moving") {
  struct Entry : TimerEntry {
    std::int64_t deadline = 0;
    bool fired = false;
  };
  constexpr std::int64_t start = 5'000'000;
  TimerWheel wheel(start);
  CHECK(wheel.next_us() == INT64_MAX);
  std::array<Entry, 200> entries;
  Random random(3);
  for (Entry& entry : entries) {
    for (int moves = 0; moves < 3; ++moves) {
      entry.deadline = start + random.below(200'000'000);  // beyond one turn of the wheel, too
      wheel.set(entry, entry.deadline);
    }
  }
  wheel.clear(entries[0]);
  for (std::int64_t now = start; now < start + 201'000'000; now += 50'000) {
    wheel.advance(now, [&](TimerEntry& entry) {
      auto& mine = static_cast<Entry&>(entry);
      CHECK(mine.deadline <= now);
      CHECK(now - mine.deadline < 150'000);
      mine.fired = true;
    });
    if (const std::int64_t next = wheel.next_us(); next != INT64_MAX)
      REQUIRE(next > now - TimerWheel::tick_us);
  }
  CHECK_FALSE(entries[0].fired);
  for (std::size_t i = 1; i < entries.size(); ++i) CHECK(entries[i].fired);
  CHECK(wheel.next_us() == INT64_MAX);
}

TEST_CASE("percentiles are within a bucket of the truth") {
  histogram::Counts counts{};
  CHECK(histogram::percentile(counts, 0.5) == 0);
  for (std::uint64_t us = 1; us <= 10'000; ++us) ++counts[histogram::bucket_of(us)];
  const auto near = [](std::uint64_t value, double truth) {
    return static_cast<double>(value) > truth * 0.9 && static_cast<double>(value) < truth * 1.1;
  };
  CHECK(near(histogram::percentile(counts, 0.50), 5000));
  CHECK(near(histogram::percentile(counts, 0.95), 9500));
  std::size_t last = 0;
  for (std::uint64_t us = 0; us < 100'000; ++us) {
    const std::size_t bucket = histogram::bucket_of(us);
    REQUIRE(bucket >= last);
    REQUIRE(us < histogram::bucket_end(bucket));
    last = bucket;
  }
}

TEST_CASE("samples are differences, and one all-zero sample ends them") {
  Runtimes apps;
  apps.push_back(std::make_unique<AppRuntime>("hello", 2));
  Sampler sampler;
  sampler.reset(apps);
  const auto take = [&] { return sampler.take(apps, Time{}, std::chrono::milliseconds(1000)); };
  CHECK_FALSE(take().has_value());
  apps[0]->shards[0]->finished(
      {.status = 200, .bytes_out = 10, .latency_us = 100, .service_us = 90});
  apps[0]->shards[1]->finished(
      {.status = 503, .error = ErrorCode::H12, .refused = true, .latency_us = 300});
  const auto sample = take();
  REQUIRE(sample.has_value());
  CHECK(to_text(sample->at("apps")) ==
        "{\"hello\":{\"requests\":2,\"refused\":1,\"in_flight\":0,\"held\":0,"
        "\"status\":{\"2xx\":1,\"5xx\":1},"
        "\"errors\":{\"H12\":1},\"bytes_in\":0,\"bytes_out\":10,\"latency_us\":{\"sum\":400,"
        "\"p50\":104,\"p95\":300,\"max\":300},\"service_us_sum\":90}}");
  const auto zero = take();
  REQUIRE(zero.has_value());
  CHECK(zero->at("apps").at("hello").at("requests").to_number<int>() == 0);
  CHECK_FALSE(take().has_value());
}

TEST_CASE("buffers come back to the pool empty") {
  BufferPool pool;
  const char* first = nullptr;
  {
    Buffer buffer = pool.take(10);
    buffer.append("hello");
    first = buffer.data();
    buffer.consume(2);
    CHECK(buffer.view() == "llo");
  }
  Buffer again = pool.take(20);
  CHECK(again.data() == first);
  CHECK(again.size() == 0);
}

}  // namespace berth::router
