// SPDX-License-Identifier: Apache-2.0
//
// The static server's reading of requests.
#include "buildpacks/static/server/request.hpp"

#include <doctest/doctest.h>

#include "buildpacks/static/server/content_type.hpp"

namespace berth::site {
namespace {

TEST_CASE("a path is decoded once, and empty and dot segments go") {
  CHECK(decode_target("/") == "/");
  CHECK(decode_target("/a%20b.html") == "/a b.html");
  CHECK(decode_target("//a/./b//") == "/a/b/");
  CHECK(decode_target("/%25%32%65") == "/%2e");
  CHECK(decode_target("/a?b/../c") == "/a");
}

TEST_CASE("a path that leaves the root in any spelling is refused") {
  for (const char* target : {"/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/etc/passwd",
           "/..%2fetc/passwd", "/a/%2E./b", "/..\\etc", "/%5c..", "/a%00.html", "/%", "/%4", "/%zz",
           "etc/passwd", "http://elsewhere/", "", "*"}) {
    CAPTURE(target);
    CHECK_FALSE(decode_target(target));
  }
}

TEST_CASE("names that start with a dot are hidden, but for well-known ones") {
  CHECK(is_hidden("/.git/config"));
  CHECK(is_hidden("/a/.env"));
  CHECK(is_hidden("/.well-known/.secret"));
  CHECK_FALSE(is_hidden("/.well-known/acme-challenge/x"));
  CHECK_FALSE(is_hidden("/a.b/c"));
}

TEST_CASE("a request's method, path, query and validators are read") {
  const auto request = parse_request(
      "GET /docs/?q=1 HTTP/1.1\r\nhost: x\r\nIf-None-Match: \"a\"\r\nRange:bytes=0-1 \r\n\r\n");
  REQUIRE(request);
  CHECK(request->method == Method::get);
  CHECK(request->path == "/docs/");
  CHECK(request->query == "?q=1");
  CHECK(request->keep_alive);
  CHECK_FALSE(request->has_body);
  CHECK(request->if_none_match == "\"a\"");
  CHECK(request->range == "bytes=0-1");
}

TEST_CASE("a connection closes on request, for HTTP/1.0, and a body is noticed") {
  CHECK_FALSE(
      parse_request("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n")->keep_alive);
  CHECK_FALSE(parse_request("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  CHECK(parse_request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")->has_body);
  CHECK(
      parse_request("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")->has_body);
}

TEST_CASE("an ambiguous head is refused") {
  for (const char* head :
       {"GET / HTTP/2\r\nHost: x\r\n\r\n", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "GE(T / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n", "\r\n\r\n"}) {
    CAPTURE(head);
    CHECK_FALSE(parse_request(head));
  }
}

TEST_CASE("a range is resolved against the size") {
  CHECK(resolve_range("bytes=0-3", 10).bytes == ByteRange{0, 3});
  CHECK(resolve_range("bytes=5-", 10).bytes == ByteRange{5, 9});
  CHECK(resolve_range("bytes=-4", 10).bytes == ByteRange{6, 9});
  CHECK(resolve_range("bytes=-40", 10).bytes == ByteRange{0, 9});
  CHECK(resolve_range("bytes=8-99", 10).bytes == ByteRange{8, 9});
  CHECK(resolve_range("bytes=10-", 10).kind == RangeKind::unsatisfiable);
  CHECK(resolve_range("bytes=0-0", 0).kind == RangeKind::unsatisfiable);
  CHECK(resolve_range("bytes=-0", 10).kind == RangeKind::unsatisfiable);
  for (const char* whole :
       {"", "lines=0-1", "bytes=3-1", "bytes=0-1,4-5", "bytes=a-b", "bytes=-"}) {
    CAPTURE(whole);
    CHECK(resolve_range(whole, 10).kind == RangeKind::whole);
  }
}

TEST_CASE("an entity tag is found in a list, weak or strong") {
  CHECK(etag_matches("\"x\", W/\"y\"", "\"y\""));
  CHECK(etag_matches("*", "\"y\""));
  CHECK_FALSE(etag_matches("\"yy\"", "\"y\""));
}

TEST_CASE("the content type follows the end of the name") {
  CHECK(content_type("/a/index.HTML") == "text/html; charset=utf-8");
  CHECK(content_type("/app.1a2b.js") == "text/javascript; charset=utf-8");
  CHECK(content_type("/f.woff2") == "font/woff2");
  CHECK(content_type("/Makefile") == "application/octet-stream");
  CHECK(content_type("/a.b/c") == "application/octet-stream");
}

}  // namespace
}  // namespace berth::site
