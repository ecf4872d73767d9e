// SPDX-License-Identifier: Apache-2.0
//
// The head scanners, case by case: what is a head, what is not yet one, and what is refused because
// some other parser would read it differently.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "router/http/body.hpp"
#include "router/http/characters.hpp"
#include "router/http/chunked.hpp"
#include "router/http/request_head.hpp"
#include "router/http/response_head.hpp"

namespace berth::router::http {

namespace {

using namespace std::string_literals;

/// 0 for a complete head, -1 for an incomplete one, else the status to answer with.
int verdict(const std::string& text) {
  RequestHead head;
  const Scan scan = scan_request(text, head);
  if (scan.status == ScanStatus::complete) return 0;
  return scan.status == ScanStatus::incomplete ? -1 : scan.http_status;
}

int response_verdict(const std::string& text) {
  ResponseHead head;
  const Scan scan = scan_response(text, head);
  if (scan.status == ScanStatus::complete) return 0;
  return scan.status == ScanStatus::incomplete ? -1 : scan.http_status;
}

std::string with(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("a request head is read into its parts") {
  RequestHead head;
  const std::string text =
      "PUT /a/b?c=d HTTP/1.1\r\nHost: Shop.Example:8080\r\nContent-Length:  12 \r\n"
      "Accept: text/html,*/*\r\nX-Empty:\r\nConnection: close, X-Hop\r\n\r\nbody";
  REQUIRE(scan_request(text, head).status == ScanStatus::complete);
  CHECK(head.method == "PUT");
  CHECK(head.target == "/a/b?c=d");
  CHECK(head.host == "Shop.Example:8080");
  CHECK(head.minor_version == 1);
  CHECK(head.size == text.size() - 4);
  CHECK(head.framing.has_length);
  CHECK(head.framing.length == 12);
  CHECK_FALSE(head.framing.chunked);
  CHECK_FALSE(head.keep_alive);
  CHECK(head.connection.names_others);
  CHECK(head.accepts == Accepts::html);
  CHECK(head.is_idempotent);
  CHECK(head.fields.count == 5);
  CHECK(head.fields.items[3].value().empty());
}

TEST_CASE("every beginning of a good head is incomplete, never wrong") {
  const std::string text =
      "\r\nGET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nA: b\tc\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) CHECK(verdict(text.substr(0, size)) == -1);
  CHECK(verdict(text) == 0);
}

TEST_CASE("keep-alive follows version and Connection") {
  const auto keeps = [](const std::string& text) {
    RequestHead head;
    REQUIRE(scan_request(text, head).status == ScanStatus::complete);
    return head.keep_alive;
  };
  CHECK(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nHost: a\r\nConnection: foo, Keep-Alive\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST_CASE("good requests that look odd are taken") {
  const std::vector<std::string> good{
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nhost:a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://a/x HTTP/1.1\r\nHost: A\r\n\r\n",
      "GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n",
      "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET //double HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX_Custom: 1\r\n\r\n",
      with("Content-Length: 0\r\n"),
      with("Content-Length: 999999999999999999\r\n"),
      with("Transfer-Encoding: Chunked\r\n"),
      with("transfer-encoding:chunked\r\n"),
  };
  for (const std::string& text : good) CHECK_MESSAGE(verdict(text) == 0, text);
}

TEST_CASE("the absolute form is reduced to a path when it names the same host") {
  RequestHead head;
  const std::string text = "GET http://a.example/x?y HTTP/1.1\r\nHost: A.example\r\n\r\n";
  REQUIRE(scan_request(text, head).status == ScanStatus::complete);
  CHECK(head.target == "/x?y");
  CHECK(head.host == "A.example");
}

TEST_CASE("request lines that are not exactly one are refused") {
  const std::vector<std::string> bad{
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\rHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s,
      "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
      "GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / http/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.x\r\nHost: a\r\n\r\n",
      "GET / HTTP/11\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
      "GET / HTTPS/1.1\r\nHost: a\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "PRI / HTTP/1.1\r\nHost: a\r\n\r\n",  // HTTP/2's, to whoever knows that
      "\x16\x03\x01\x02",  // a TLS client hello on the plain port
      std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const std::string& text : bad) CHECK_MESSAGE(verdict(text) == 400, text);
  CHECK(verdict("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") == 405);
  // Whoever knows CONNECT reads no body behind its head.
  CHECK(verdict("CONNECT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n") == 405);
  CHECK(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(verdict("GET / HTTP/1.2\r\nHost: a\r\n\r\n") == 505);
  CHECK(verdict("GET / HTTP/3.0\r\nHost: a\r\n\r\n") == 505);
}

TEST_CASE("field lines that parsers disagree on are refused") {
  const std::vector<std::string> bad{
      "X : 1\r\n",
      "X\t: 1\r\n",
      " X: 1\r\n",
      "X: 1\r\n folded\r\n",
      "X: 1\r\n\tfolded\r\n",
      "X\r\n",
      ": 1\r\n",
      "X(: 1\r\n",
      "X\"Y: 1\r\n",
      "X\x80: 1\r\n",
      "X\0Y: 1\r\n"s,
      "X: 1\0\r\n"s,
      "X: \x01\r\n",
      "X: \x0b\r\n",
      "X: \x7f\r\n",
      "X: 1\rY: 2\r\n",
      "X: 1\nY: 2\r\n",
      "X: 1\n\r\n",
      "X: 1\r\r\n",
      "\rX: 1\r\n",
  };
  for (const std::string& fields : bad) CHECK_MESSAGE(verdict(with(fields)) == 400, fields);
}

TEST_CASE("framing that can be read in two ways is refused") {
  const std::vector<std::string> bad{
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Content-Length: 5\r\ncontent-length: 5\r\n",
      "Content-Length: 5, 5\r\n",
      "Content-Length: 5,6\r\n",
      "Content-Length: \r\n",
      "Content-Length: +5\r\n",
      "Content-Length: -5\r\n",
      "Content-Length: 5.0\r\n",
      "Content-Length: 0x5\r\n",
      "Content-Length: 5 5\r\n",
      "Content-Length: \"5\"\r\n",
      "Content-Length: 5;\r\n",
      "Content-Length: 9223372036854775808\r\n",
      "Content-Length: 18446744073709551621\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: x\r\nContent-Length: 5\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: chunked;q=1\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding: chunke\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: chunkedx\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding: ,chunked\r\n",
      "Transfer-Encoding: chunked,\r\n",
      "Transfer-Encoding: \x0b"
      "chunked\r\n",
      "Transfer_Encoding: chunked\r\n",
      "Content_Length: 5\r\n",
      "content_length: 5\r\nContent-Length: 5\r\n",
      "Connection: Content-Length\r\nContent-Length: 5\r\n",
      "Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
      "Connection: host\r\n",
      "Host: a\r\n",
      "host: b\r\n",
  };
  for (const std::string& fields : bad) CHECK_MESSAGE(verdict(with(fields)) == 400, fields);
  CHECK(verdict("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("Host is there once and is a host") {
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == 400);
  for (const char* host : {"a/b", "a@b", "a b", "a,b", "a\\b", "a?b", "a#b", "a<b", "\xc3\xa9"})
    CHECK_MESSAGE(verdict("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n") == 400, host);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: " + std::string(256, 'a') + "\r\n\r\n") == 400);
}

TEST_CASE("sizes are limited") {
  CHECK(verdict("GET /" + std::string(max_head_size, 'a')) == 414);
  CHECK(verdict(with("X: " + std::string(max_head_size, 'a') + "\r\n")) == 431);
  CHECK(verdict("GET / HTTP/1.1\r\nX: " + std::string(max_head_size, 'a')) == 431);
  std::string many;
  for (int i = 0; i < 128; ++i) many += "X: 1\r\n";
  CHECK(verdict(with(many)) == 431);
  CHECK(verdict(with(std::string(257, 'x') + ": 1\r\n")) == 431);
}

TEST_CASE("an upgrade is asked for by Connection, and never to h2c") {
  const auto upgrade = [](const std::string& fields) {
    static std::string text;
    text = with(fields);
    RequestHead head;
    REQUIRE(scan_request(text, head).status == ScanStatus::complete);
    return head.upgrade;
  };
  CHECK(upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\n") == "websocket");
  CHECK(upgrade("Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n") == "WebSocket");
  CHECK(upgrade("Upgrade: websocket\r\n").empty());
  CHECK(upgrade("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n").empty());
}

TEST_CASE("wide steps and single bytes find the same end") {
  for (int bad = 0; bad < 256; ++bad) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'a');
      text[at] = static_cast<char>(bad);
      const char* const end = text.data() + text.size();
      const bool value_ok = is_value_byte(static_cast<char>(bad));
      const bool target_ok = bad > 0x20 && bad != 0x7f;
      REQUIRE(find_value_end(text.data(), end) == (value_ok ? end : text.data() + at));
      REQUIRE(find_target_end(text.data(), end) == (target_ok ? end : text.data() + at));
    }
  }
}

TEST_CASE("a response head is read into its parts") {
  ResponseHead head;
  const std::string text =
      "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
  REQUIRE(scan_response(text, head).status == ScanStatus::complete);
  CHECK(head.status == 404);
  CHECK(head.status_text == "404 Not Found");
  CHECK(head.framing.length == 3);
  CHECK_FALSE(head.keep_alive);
  CHECK(head.size == text.size() - 3);
  for (std::size_t size = 0; size < head.size; ++size)
    CHECK(response_verdict(text.substr(0, size)) == -1);
}

TEST_CASE("responses that look odd are taken, those with two readings are not") {
  for (const char* good : {
           "HTTP/1.1 200 \r\n\r\n",
           "HTTP/1.1 200\r\n\r\n",
           "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
           "HTTP/1.1 599 Whatever it is\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       })
    CHECK_MESSAGE(response_verdict(good) == 0, good);
  for (const char* bad : {
           "HTTP/2 200 OK\r\n\r\n",
           "HTTP/1.2 200 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 099 OK\r\n\r\n",
           "HTTP/1.1 600 OK\r\n\r\n",
           "HTTP/1.1 200 OK\n\n",
           "HTTP/1.1 200 O\x01K\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\n",
           "hello",
       })
    CHECK_MESSAGE(response_verdict(bad) > 0, bad);
}

TEST_CASE("chunked bodies end where they end, however they are cut") {
  const std::string body =
      "5\r\nhello\r\n1a;name=\"v; \\\"\xff\";b;c=d\r\nabcdefghijklmnopqrstuvwxyz\r\n000;e=\"\"\r\n"
      "Trailer: x\r\n\r\n";
  const std::string text = body + "GET / HTTP/1.1\r\n";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    ChunkedBody chunks;
    auto step = chunks.follow(text.data(), cut);
    REQUIRE(step.consumed == cut);
    if (cut < body.size()) {
      REQUIRE(step.status == ChunkedBody::Status::more);
      step = chunks.follow(text.data() + cut, text.size() - cut);
      REQUIRE(step.consumed == body.size() - cut);
    }
    REQUIRE(step.status == ChunkedBody::Status::done);
  }
}

TEST_CASE("a request's trailer is no framing field, no host and nothing of the connection") {
  const auto ends = [](std::string_view trailer, bool strict) {
    ChunkedBody body(strict);
    const std::string text = "0\r\n" + std::string(trailer) + "\r\n\r\n";
    return body.follow(text.data(), text.size()).status == ChunkedBody::Status::done;
  };
  for (const char* name : {"Content-Length: 1", "TRANSFER-ENCODING: chunked", "host: a",
                           "Connection: close", "Proxy-Connection: close"}) {
    CHECK_FALSE_MESSAGE(ends(name, true), name);
    CHECK_MESSAGE(ends(name, false), name);
  }
  for (const char* name : {"X-Host: a", "hos: a", "hosts: a", "content-lengths: 1", "c: 1",
                           "connect: 1", "transfer-encoding-of-more-than-eighteen: 1",
                           "X: Host: a"})
    CHECK_MESSAGE(ends(name, true), name);
}

TEST_CASE("decoding takes the chunk framing off in place") {
  const std::string body = "5\r\nhello\r\n7\r\n, world\r\n0\r\nT: x\r\n\r\n";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    ChunkedBody chunks;
    std::string first = body.substr(0, cut);
    std::string second = body.substr(cut);
    const auto a = chunks.decode(first.data(), first.size());
    const auto b = chunks.decode(second.data(), second.size());
    CHECK(first.substr(0, a.payload) + second.substr(0, b.payload) == "hello, world");
  }
}

TEST_CASE("chunk framing that parsers disagree on is refused") {
  for (const std::string& bad : {
           "5 \r\nhello\r\n0\r\n\r\n"s,
           " 5\r\nhello\r\n0\r\n\r\n"s,
           "0x5\r\nhello\r\n0\r\n\r\n"s,
           "+5\r\nhello\r\n0\r\n\r\n"s,
           "-1\r\n\r\n"s,
           "5\nhello\r\n0\r\n\r\n"s,
           "5\r\nhello\n0\r\n\r\n"s,
           "5\r\nhello0\r\n\r\n"s,
           "5\r\nhelloX\r\n0\r\n\r\n"s,
           "5;a\nb\r\nhello\r\n0\r\n\r\n"s,
           "5;\x01\r\nhello\r\n0\r\n\r\n"s,
           "5;a\rb\r\nhello\r\n0\r\n\r\n"s,
           "5;\r\nhello\r\n0\r\n\r\n"s,
           "5;=a\r\nhello\r\n0\r\n\r\n"s,
           "5;a=\r\nhello\r\n0\r\n\r\n"s,
           "5; a\r\nhello\r\n0\r\n\r\n"s,
           "5;a \r\nhello\r\n0\r\n\r\n"s,
           "5;a= b\r\nhello\r\n0\r\n\r\n"s,
           "5;a=b=c\r\nhello\r\n0\r\n\r\n"s,
           "5;a=\xff\r\nhello\r\n0\r\n\r\n"s,
           "5;\"a\"\r\nhello\r\n0\r\n\r\n"s,
           "5;a=\"\r\nhello\r\n0\r\n\r\n"s,  // some read on to the other quote
           "5;a=\"b\\\"\r\nhello\r\n0\r\n\r\n"s,
           "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"s,
           "5;a=\"b\\\r\nhello\r\n0\r\n\r\n"s,
           "\r\n5\r\nhello\r\n0\r\n\r\n"s,
           ";a\r\n"s,
           "g\r\n"s,
           "1000000000000000\r\n"s,
           "ffffffffffffffff\r\n"s,
           "0\r\n\n"s,
           "0\r\n X: 1\r\n\r\n"s,
           "0\r\nX : 1\r\n\r\n"s,
           "0\r\nX\r\n\r\n"s,
           "0\r\nX: \x01\r\n\r\n"s,
           "0\r\nX: 1\n\r\n"s,
           "5;" + std::string(300, 'a') + "\r\n",
           "0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n",
       }) {
    ChunkedBody chunks;
    CHECK_MESSAGE(chunks.follow(bad.data(), bad.size()).status == ChunkedBody::Status::invalid,
                  bad);
  }
}

TEST_CASE("bodies end by their framing") {
  Body none = Body::of_request({});
  CHECK(none.complete());
  Body length = Body::of_request({.chunked = false, .has_length = true, .length = 5});
  CHECK(length.follow("abcdefgh", 3).consumed == 3);
  CHECK_FALSE(length.complete());
  CHECK(length.follow("defgh", 5).consumed == 2);
  CHECK(length.complete());
  Body open = Body::of_response({}, false);
  CHECK(open.ends_by_close());
  CHECK(open.follow("abc", 3).consumed == 3);
  CHECK_FALSE(open.complete());
  CHECK(Body::of_response({.chunked = true}, true).complete());
  CHECK(has_no_body(200, true));
  CHECK(has_no_body(204, false));
  CHECK(has_no_body(304, false));
  CHECK(has_no_body(103, false));
  CHECK_FALSE(has_no_body(200, false));
}

}  // namespace berth::router::http
