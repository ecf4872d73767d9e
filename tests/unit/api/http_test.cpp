// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "api/range.hpp"
#include "api/route_table.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

int count(std::string_view text, std::string_view word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("every answer has the common headers, and Request-Id is echoed or made") {
  ApiFixture api;
  const auto answer = api.call("GET", "/apps", "", {{"Request-Id", "abc-1,def-2"}});
  CHECK(answer.header("request-id") == "abc-1,def-2");
  CHECK(answer.header("x-content-type-options") == "nosniff");
  CHECK(answer.header("referrer-policy") == "no-referrer");
  CHECK(answer.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'");
  CHECK(answer.header("content-type") == "application/json");
  CHECK(api.call("GET", "/apps").header("request-id").size() == 36);
  CHECK(api.call("GET", "/apps", "", {{"Request-Id", "<script>"}}).header("request-id").size() ==
        36);
  CHECK(api.call("GET", "/apps", "", {{"Request-Id", std::string(7000, 'a')}})
            .header("request-id")
            .size() == 7000);
}

TEST_CASE("an unknown path is 404, a wrong method 405 with Allow, HEAD is GET without the body") {
  ApiFixture api;
  CHECK(error_id(api.call("GET", "/nope")) == "not_found");
  CHECK(api.call("GET", "/apps/a/b/c/d").status == 404);
  const auto wrong = api.call("PUT", "/apps");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow") == "POST, GET");
  CHECK(api.call("GET", "/apps/%zz").status == 400);
  CHECK(api.call("GET", "/apps/a%00b").status == 400);
  CHECK(api.call("GET", "/apps/..%2f..%2fetc%2fpasswd").status == 404);
  CHECK(api.call("GET", "/apps/").status == 200);
  RawClient client = api.raw();
  client.send("HEAD /apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + api.bearer() + "\r\n");
  CHECK(client.read_to_end());
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(client.received.find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(client.received.ends_with("\r\n\r\n"));
  CHECK(api.call("HEAD", "/stream").status == 405);
}

TEST_CASE("a connection is kept, and pipelined requests are answered in order") {
  ApiFixture api;
  RawClient client = api.raw();
  const std::string get = "GET /account HTTP/1.1\r\nHost: x\r\n" + api.bearer();
  client.send(get + "Request-Id: one\r\n\r\n" + get + "Request-Id: two\r\n\r\n" + get +
              "Request-Id: three\r\nConnection: close\r\n\r\n");
  CHECK(client.read_to_end());
  CHECK(count(client.received, "HTTP/1.1 200 OK") == 3);
  CHECK(client.received.find("one") < client.received.find("two"));
  CHECK(client.received.find("two") < client.received.find("three"));
}

TEST_CASE("HTTP/1.0 is answered and the connection closed") {
  ApiFixture api;
  RawClient client = api.raw();
  client.send("GET /health HTTP/1.0\r\n\r\n");
  CHECK(client.read_to_end());
  CHECK(client.received.ends_with("{\"status\":\"ok\"}\n"));
}

TEST_CASE("what is not proper HTTP gets a 400 or 431 and the end of the connection") {
  ApiFixture api;
  const auto answer = [&](const std::string& bytes) {
    RawClient client = api.raw();
    client.send(bytes);
    CHECK(client.read_to_end());
    return client.received.substr(0, client.received.find("\r\n"));
  };
  CHECK(answer("nonsense\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer("GET /health HTTP/1.1\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer("GET http://other/health HTTP/1.1\r\nHost: x\r\n\r\n") ==
        "HTTP/1.1 400 Bad Request");
  CHECK(answer("POST /apps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\nContent-Length: "
               "2\r\n\r\n{}") == "HTTP/1.1 400 Bad Request");
  CHECK(answer("POST /apps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
               "2\r\n\r\n0\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer(
            "POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}") ==
        "HTTP/1.1 400 Bad Request");
  CHECK(answer("GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer("GET /health HTTP/1.1\r\nHost: x\r\nBig: " + std::string(17 << 10, 'a') +
               "\r\n\r\n") == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE(
    "a body that is not a JSON object is 400, one over 1 MiB is 413, and the connection goes on or "
    "closes cleanly") {
  ApiFixture api;
  CHECK(error_id(api.call("POST", "/apps", "{nope")) == "bad_request");
  CHECK(api.call("POST", "/apps", "[1]").status == 400);
  CHECK(api.call("POST", "/apps", "null").status == 201);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"a":)";
  CHECK(api.call("POST", "/apps", deep).status == 400);
  const auto large =
      api.call("POST", "/apps", R"({"name":")" + std::string(1100 << 10, 'x') + "\"}");
  CHECK(large.status == 413);
  CHECK(error_id(large) == "request_too_large");
}

TEST_CASE("a chunked body is read, a malformed one is 400") {
  ApiFixture api;
  const std::string head =
      "POST /apps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n" +
      api.bearer() + "\r\n";
  RawClient good = api.raw();
  good.send(head + "8\r\n{\"name\":\r\n8\r\n\"hello\"}\r\n0\r\n\r\n");
  CHECK(good.read_to_end());
  CHECK(good.received.starts_with("HTTP/1.1 201 Created"));
  RawClient bad = api.raw();
  bad.send(head + "zz\r\n");
  CHECK(bad.read_to_end());
  CHECK(bad.received.find("400 Bad Request") != std::string::npos);
}

TEST_CASE("100 Continue is said before the body is read, and not to who may not send it") {
  ApiFixture api;
  const std::string head =
      "POST /apps HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 16\r\n";
  RawClient client = api.raw();
  client.send(head + api.bearer() + "\r\n");
  CHECK(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send(R"({"name":"hello"})");
  CHECK(client.read_until("201 Created"));
  RawClient stranger = api.raw();
  stranger.send(head + "\r\n");
  CHECK(stranger.read_to_end());
  CHECK(stranger.received.starts_with("HTTP/1.1 401 Unauthorized"));
  CHECK(stranger.received.find("100 Continue") == std::string::npos);
}

TEST_CASE("a client that sends nothing, or half a request, is let go after the deadline") {
  ApiFixture api([](api::Settings& settings) {
    settings.idle_timeout = std::chrono::milliseconds(100);
    settings.io_timeout = std::chrono::milliseconds(100);
  });
  RawClient silent = api.raw();
  CHECK(silent.read_to_end());
  RawClient slow_head = api.raw();
  slow_head.send("GET /health HT");
  CHECK(slow_head.read_to_end());
  RawClient slow_body = api.raw();
  slow_body.send("POST /apps HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + api.bearer() +
                 "\r\n{");
  CHECK(slow_body.read_to_end());
}

TEST_CASE("an answer that did not change is 304") {
  ApiFixture api;
  const auto first = api.call("GET", "/apps");
  CHECK(first.header("etag").size() == 34);
  const auto again = api.call("GET", "/apps", "", {{"If-None-Match", first.header("etag")}});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(api.call("POST", "/apps").status == 201);
  CHECK(api.call("GET", "/apps", "", {{"If-None-Match", first.header("etag")}}).status == 200);
}

TEST_CASE("pages follow each other by Next-Range until the list is whole, in either order") {
  ApiFixture api;
  api.deployed_app("hello");
  for (int i = 0; i < 6; ++i)
    CHECK(api.call("PATCH", "/apps/hello/config-vars", R"({"N":")" + std::to_string(i) + "\"}")
              .status == 200);
  for (const std::string order : {"asc", "desc"}) {
    std::string range = "version ..; max=3, order=" + order;
    std::vector<std::string> versions;
    int pages = 0;
    while (!range.empty()) {
      const auto page = api.call("GET", "/apps/hello/releases", "", {{"Range", range}});
      const json::value list = body_of(page);
      for (const auto& release : list.get_array()) versions.push_back(text_at(release, "/version"));
      range = page.header("next-range");
      CHECK(page.status == (range.empty() ? 200 : 206));
      ++pages;
      REQUIRE(pages < 10);
    }
    CHECK(pages == 3);
    std::vector<std::string> expected = {"1", "2", "3", "4", "5", "6", "7"};
    if (order == "desc") std::ranges::reverse(expected);
    CHECK(versions == expected);
  }
  const auto first =
      api.call("GET", "/apps/hello/releases", "", {{"Range", "version ..; max=1, order=desc"}});
  CHECK(first.header("content-range") == "version 7..7");
  CHECK(first.header("next-range") == "version ]7..; max=1,order=desc");
  CHECK(body_of(api.call("GET", "/apps/hello/releases", "", {{"Range", "order=desc,max=2"}}))
            .get_array()
            .size() == 2);
  CHECK(body_of(api.call("GET", "/apps/hello/releases", "", {{"Range", "version 3..5"}}))
            .get_array()
            .size() == 3);
  CHECK(body_of(api.call("GET", "/apps/hello/releases", "", {{"Range", ""}})).get_array().size() ==
        7);
  for (const char* wrong :
       {"size ..", "version x..", "version ..; max=zero", "version ..; max=0"}) {
    const auto refused = api.call("GET", "/apps/hello/releases", "", {{"Range", wrong}});
    CHECK(refused.status == 416);
    CHECK(error_id(refused) == "requested_range_not_satisfiable");
  }
}

TEST_CASE("the audit log is paged both ways and filtered by app") {
  ApiFixture api;
  for (const char* name : {"one", "two"})
    CHECK(api.call("POST", "/apps", std::string(R"({"name":")") + name + "\"}").status == 201);
  CHECK(api.call("PATCH", "/apps/one", R"({"maintenance":true})").status == 200);
  const auto newest = api.call("GET", "/events", "", {{"Range", "sequence ..; max=1, order=desc"}});
  CHECK(newest.status == 206);
  CHECK(text_at(body_of(newest), "/0/message") == "maintenance mode on");
  CHECK(text_at(body_of(newest), "/0/app") == "one");
  CHECK(text_at(body_of(newest), "/0/user") == "ada@example.com");
  const auto next = api.call("GET", "/events", "", {{"Range", newest.header("next-range")}});
  CHECK(text_at(body_of(next), "/0/message") == "created app two");
  CHECK(body_of(api.call("GET", "/apps/one/events")).get_array().size() == 2);
  CHECK(text_at(body_of(api.call("GET", "/apps/one/events")), "/0/kind") == "app.create");
  CHECK(api.call("GET", "/events", "", {{"Range", "name .."}}).status == 416);
}

TEST_CASE("git's host serves git alone, the dashboard's host has the API under /api") {
  ApiFixture api;
  CHECK(api.call("GET", "/apps", "", {{"Host", "git.localhost:8080"}}).status == 404);
  CHECK(api.call("GET", "/api/apps", "", {{"Host", "DASHBOARD.localhost:8080"}}).status == 200);
  CHECK(api.call("GET", "/apps", "", {{"Host", "api.localhost"}}).status == 200);
  CHECK(api.call("GET", "/api/apps", "", {{"Host", "api.localhost"}}).status == 404);
  CHECK(api.call("GET", "/api", "", {{"Host", "dashboard.localhost"}}).status == 404);
}

TEST_CASE("metrics are served at the own address alone, and count by route, not by path") {
  ApiFixture api;
  api.deployed_app("hello");
  CHECK(api.call("GET", "/apps/hello").status == 200);
  CHECK(api.call("GET", "/apps/other").status == 404);
  for (const char* host : {"api.localhost:8080", "dashboard.localhost", "evil.example"})
    CHECK(api.request("GET", "/metrics", "", {{"Host", host}}).status != 200);
  CHECK(api.request("GET", "/metrics", "", {{"X-Forwarded-For", "10.0.0.1"}}).status == 403);
  const auto metrics = api.request("GET", "/metrics");
  CHECK(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
  for (const char* line :
       {"berth_api_requests_total{method=\"GET\",route=\"/apps/{app}\",status=\"200\"} 1",
        "berth_api_requests_total{method=\"GET\",route=\"/apps/{app}\",status=\"404\"} 1",
        "berth_apps 1", "berth_builds{status=\"succeeded\"} 1", "berth_replicas{state=\"up\"} 1",
        "berth_releases 1", "process_resident_memory_bytes ", "process_cpu_seconds_total "})
    CHECK_MESSAGE(metrics.body.find(line) != std::string::npos, line);
}

TEST_CASE("a port that is taken is an error that says what to do") {
  ApiFixture first;
  boost::asio::io_context context;
  api::Settings settings;
  settings.listen = "127.0.0.1:" + std::to_string(first.port());
  {
    api::Server second(context.get_executor(), {first.store, first.control, settings});
    const auto started = second.start();
    REQUIRE(started.has_error());
    CHECK(started.error().kind == ErrorKind::conflict);
    CHECK(started.error().message == "cannot listen on " + settings.listen + ": port " +
                                         std::to_string(first.port()) +
                                         " is taken, perhaps by another berth server. Stop what "
                                         "uses it (`ss -ltnp` shows it) or set another "
                                         "address as api.listen in berth.yaml");
  }
  for (const char* wrong : {"7070", "host:7070", "127.0.0.1:x", "127.0.0.1:70000"}) {
    settings.listen = wrong;
    api::Server server(context.get_executor(), {first.store, first.control, settings});
    CHECK(server.start().has_error());
  }
}

TEST_CASE("a pattern matches whole segments and hands out the parameters decoded") {
  const auto match = [](std::string_view pattern, std::string_view path) {
    return api::match_pattern(pattern, api::path_segments(path).value());
  };
  CHECK(match("/apps/{app}", "/apps/hello")->at("app") == "hello");
  CHECK(match("/{app}.git/info/refs", "/hello.git/info/refs")->at("app") == "hello");
  CHECK(match("/apps/{app}/domains/{domain}", "/apps/a/domains/%2A.x.example")->at("domain") ==
        "*.x.example");
  CHECK_FALSE(match("/apps/{app}", "/apps"));
  CHECK_FALSE(match("/apps/{app}", "/apps/a/b"));
  CHECK_FALSE(match("/apps/{app}", "/apps//"));
  CHECK_FALSE(match("/{app}.git/info/refs", "/.git/info/refs"));
  CHECK_FALSE(match("/{app}.git/info/refs", "/hello/info/refs"));
}
