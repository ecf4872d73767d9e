// SPDX-License-Identifier: Apache-2.0
//
// Requests through a running router: what the replica saw, what the client got, what the log says.
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <regex>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

TEST_CASE("requests of one client reuse one connection to the replica") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(client.send(get("/" + std::to_string(i))));
    const auto answer = client.read_message();
    CHECK(answer.status() == 200);
    CHECK(answer.body == "hi /" + std::to_string(i));
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a replica may have an IPv6 address") {
  Server server(answer_with("hi "), AF_INET6);
  Bed bed;
  bed.put("running", {{"r-1", server.port(), "::1"}});
  Peer client = bed.client();
  client.send(get("/x"));
  CHECK(client.read_message().body == "hi /x");
  CHECK(server.connections() == 1);
}

TEST_CASE("the replica sees the forwarded headers and no hop-by-hop ones") {
  std::string seen;
  Server server([&](Peer& peer) {
    seen = peer.read_message().head;
    peer.send(response("ok"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get(
      "/x?y=1",
      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nConnection: X-Secret\r\n"
      "X-Secret: 1\r\nKeep-Alive: 5\r\nX-Request-Id: 0123456789-0123456789\r\nAccept: a/b\r\n"));
  CHECK(client.read_message().body == "ok");
  const Peer::Message request{seen, ""};
  CHECK(seen.starts_with("GET /x?y=1 HTTP/1.1\r\nHost: hello.localhost\r\n"));
  CHECK(request.header("x-forwarded-for") == "203.0.113.9, 127.0.0.1");
  CHECK(request.header("x-forwarded-proto") == "http");
  CHECK(request.header("x-forwarded-host") == "hello.localhost");
  CHECK(request.header("x-forwarded-port") == std::to_string(bed.port()));
  CHECK(request.header("x-request-id") == "0123456789-0123456789");
  CHECK(request.header("x-request-start").size() == 13);
  CHECK(request.header("via") == "1.1 berth");
  CHECK(request.header("accept") == "a/b");
  CHECK(seen.find("Secret") == std::string::npos);
  CHECK(seen.find("Keep-Alive") == std::string::npos);
}

TEST_CASE("pipelined requests are answered in order") {
  Server server(answer_with(""));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 50; ++i) CHECK(client.read_message().body == "/" + std::to_string(i));
}

TEST_CASE("a head that arrives byte by byte is one request") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (const char byte : get("/slow")) client.send({&byte, 1});
  CHECK(client.read_message().body == "hi /slow");
}

TEST_CASE("chunked bodies pass as they are in both directions") {
  const std::string body = "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n";
  Server server([&](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      CHECK(request.body == body);
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + request.body);
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  const std::string head =
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.send(head + body);
  CHECK(client.read_message().body == body);
  client.send(head);
  for (const char byte : body) client.send({&byte, 1});
  CHECK(client.read_message().body == body);
  CHECK(server.connections() == 1);
}

TEST_CASE("an HTTP/1.0 client gets a chunked answer without the chunks") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send("GET / HTTP/1.0\r\nHost: hello.localhost\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(answer.find("Transfer-Encoding") == std::string::npos);
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nabcde"));
}

TEST_CASE("an HTTP/1.0 client can keep its connection") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a HTTP/1.0\r\nHost: hello.localhost\r\nConnection: keep-alive\r\n\r\n");
    const auto answer = client.read_message();
    CHECK(answer.body == "hi /a");
    CHECK(answer.header("connection") == "keep-alive");
  }
}

TEST_CASE("answers to HEAD, 204 and 304 have no body whatever their fields say") {
  Server server([](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      if (request.head.starts_with("HEAD")) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      } else if (request.head.starts_with("GET /304")) {
        peer.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n");
      } else {
        peer.send("HTTP/1.1 204 No Content\r\n\r\n");
      }
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send("HEAD / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n" + get("/304") + get("/204"));
  CHECK(client.read_message(false).header("content-length") == "1000");
  CHECK(client.read_message(false).status() == 304);
  CHECK(client.read_message(false).status() == 204);
  CHECK(server.connections() == 1);
}

TEST_CASE("100 Continue and early hints reach the client before the answer") {
  Server server([](Peer& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    CHECK(head.find("Expect: 100-continue") != std::string::npos);
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(peer.read_exactly(4) == "body");
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response("done"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(
      "PUT / HTTP/1.1\r\nHost: hello.localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "4\r\n\r\n");
  CHECK(client.read_message(false).status() == 100);
  client.send("body");
  const auto hints = client.read_message(false);
  CHECK(hints.status() == 103);
  CHECK(hints.header("link") == "</a.css>");
  CHECK(client.read_message().body == "done");
}

TEST_CASE("an answer that ends with its connection ends the client's too") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/"));
  const std::string answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\nuntil the end"));
}

TEST_CASE("a client that asks for it is closed after the answer") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/", "Connection: close\r\n"));
  const std::string answer = client.read_all();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("hi /"));
}

TEST_CASE("a kept connection that the replica closed is replaced without anybody noticing") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send(response("once"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (int i = 0; i < 30; ++i) {
    client.send(get("/"));  // whether or not the end of the stream is there yet
    CHECK(client.read_message().body == "once");
  }
  for (int i = 0; i < 30; ++i) {
    CHECK(eventually([&] { return server.open_connections() == 0; }));
    client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(client.read_message().body == "once");
  }
}

TEST_CASE("requests are spread over all replicas") {
  Server a(answer_with("a"));
  Server b(answer_with("b"));
  Server c(answer_with("c"));
  Bed bed;
  bed.put("running", {{"r-1", a.port()}, {"r-2", b.port()}, {"r-3", c.port()}});
  int count[3] = {0, 0, 0};
  Peer client = bed.client();
  for (int i = 0; i < 300; ++i) {
    client.send(get("/"));
    ++count[client.read_message().body[0] - 'a'];
  }
  for (const int n : count) CHECK(n > 50);
}

TEST_CASE("a replica that refuses connections costs no request while another answers") {
  DeadPort dead;
  Server good(answer_with("good"));
  Bed bed;
  bed.put("running", {{"r-1", dead.port()}, {"r-2", good.port()}});
  for (int i = 0; i < 40; ++i) {
    Peer client = bed.client();
    client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(client.read_message().body == "good/");
  }
}

TEST_CASE("the access log has a line for each request") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/say?\"x\"", "X-Request-Id: 01234567890123456789\r\n"));
  const auto answer = client.read_message();
  const auto lines = bed.log_lines(1);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(10, 1) == "T");
  const std::string line = lines[0].substr(26);
  CHECK(line.starts_with(
      "+00:00 berth[router]: at=info method=GET path=\"/say?\\\"x\\\"\" host=hello.localhost "
      "request_id=01234567890123456789 fwd=\"127.0.0.1\" replica=web.1 connect="));
  CHECK(line.ends_with("ms status=200 bytes=" + std::to_string(answer.text().size()) +
                       " protocol=http"));
}

TEST_CASE("a trace is begun where the app asks for it and the request brings none") {
  std::mutex mutex;
  std::string seen;
  Server server([&](Peer& peer) {
    for (auto request = peer.read_message(); !request.head.empty();
         request = peer.read_message()) {
      const std::lock_guard guard(mutex);
      seen = request.header("traceparent");
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  Bed bed;
  Peer client = bed.client();
  const auto trace_of = [&](std::string_view fields) {
    client.send(get("/", fields));
    CHECK(client.read_message().status() == 200);
    const std::lock_guard guard(mutex);
    return seen;
  };
  const std::string own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  bed.put("running", {{"r-1", server.port()}});
  CHECK(trace_of("").empty());
  CHECK(trace_of("traceparent: " + own + "\r\n") == own);
  bed.put("running", {{"r-1", server.port()}}, {{"trace", true}});
  const std::string begun = trace_of("");
  CHECK_MESSAGE(std::regex_match(begun, std::regex("00-[0-9a-f]{32}-[0-9a-f]{16}-01")), begun);
  CHECK(trace_of("") != begun);
  CHECK(trace_of("Traceparent: " + own + "\r\n") == own);
}

TEST_CASE("of a log that is sampled, what failed is never left out") {
  Server server(answer_with("hi "));
  Bed bed;
  Peer client = bed.client();
  const auto ask = [&](std::string_view path, int status) {
    client.send(get(path));
    CHECK(client.read_message().status() == status);
  };
  bed.put("running", {{"r-1", server.port()}}, {{"log_percent", 0}});
  for (int i = 0; i < 20; ++i) ask("/quiet", 200);
  bed.put("crashed", {}, {{"log_percent", 0}});
  ask("/failed", 503);
  const auto lines = bed.log_lines(1);
  CHECK(lines.size() == 1);
  CHECK(lines[0].find("/failed") != std::string::npos);
  bed.put("running", {{"r-1", server.port()}}, {{"log_percent", 50}});
  for (int i = 0; i < 100; ++i) ask("/some", 200);
  bed.put("crashed", {});
  ask("/last", 503);
  CHECK(eventually([&] {
    const auto some = bed.log_lines(2);
    return some.back().find("/last") != std::string::npos && some.size() > 10 &&
           some.size() < 92;
  }));
}

TEST_CASE("a log file that rotation renamed is left for a new one") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/before"));
  CHECK(client.read_message().status() == 200);
  CHECK(bed.log_lines(1).size() == 1);
  const auto log = bed.directory.path() / "log/current.log";
  std::filesystem::rename(log, bed.directory.path() / "log/old.log");
  CHECK(eventually([&] {
    client.send(get("/after"));
    return client.read_message().status() == 200 && std::filesystem::exists(log);
  }));
}

}  // namespace berth::router::test
