// SPDX-License-Identifier: Apache-2.0
//
// What HTTP/2 becomes of HTTP/1.1 and the other way, field by field; and how patience runs out.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "router/http/request_head.hpp"
#include "router/http2/frame_counter.hpp"
#include "router/http2/patience.hpp"
#include "router/http2/request_text.hpp"
#include "router/http2/response_fields.hpp"

namespace berth::router::http2 {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

RequestText text_of(const Pairs& fields) {
  RequestText text;
  for (const auto& [name, value] : fields) text.add(name, value);
  return text;
}

std::string written(const RequestText& text, RequestText::Framing framing, std::size_t length = 0) {
  std::string out(RequestText::max_written, '\0');
  out.resize(text.write(framing, length, "0123456789abcdef012345==", out.data()));
  return out;
}

const Pairs get{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.b"}};

Pairs get_with(const Pairs& more) {
  Pairs fields = get;
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Pairs fields_of(std::string_view head, const http::ResponseContext& context = {}) {
  http::ResponseHead scanned;
  REQUIRE(http::scan_response(head, scanned).status == http::ScanStatus::complete);
  std::string space(head.size(), '\0');
  ResponseFields fields(space.data());
  fields.set(scanned, context);
  Pairs pairs;
  for (const NamedValue& field : fields.all()) pairs.emplace_back(field.name, field.value);
  return pairs;
}

}  // namespace

TEST_CASE("a request's text is what the strict scanner reads, framed as the body will be") {
  RequestText text = text_of(get_with({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
  REQUIRE(text.finish().status == http::ScanStatus::complete);
  CHECK(written(text, RequestText::Framing::none) ==
        "GET / HTTP/1.1\r\nHost: a.b\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n");
  CHECK(written(text, RequestText::Framing::chunked)
            .ends_with("\r\nTransfer-Encoding: chunked\r\n\r\n"));
  CHECK(written(text, RequestText::Framing::length, 12)
            .ends_with("\r\nContent-Length: 12\r\n\r\n"));
  http::RequestHead head;
  const std::string plain = written(text, RequestText::Framing::none);
  CHECK(http::scan_request(plain, head).status == http::ScanStatus::complete);
  CHECK(head.host == "a.b");
}

TEST_CASE("a length that the client states is the only framing") {
  RequestText text = text_of(get_with({{"content-length", "7"}}));
  REQUIRE(text.finish().status == http::ScanStatus::complete);
  const std::string head = written(text, RequestText::Framing::chunked);
  CHECK(head.find("content-length: 7\r\n") != std::string::npos);
  CHECK(head.find("chunked") == std::string::npos);
}

TEST_CASE("Host stands in for :authority and must agree with it") {
  RequestText alone = text_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"},
                               {"host", "a.b"}});
  CHECK(alone.finish().status == http::ScanStatus::complete);
  CHECK(written(alone, RequestText::Framing::none) == "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
  CHECK(text_of(get_with({{"host", "A.b"}})).finish().status == http::ScanStatus::complete);
  CHECK(text_of(get_with({{"host", "a.c"}})).finish().http_status == 400);
  CHECK(text_of(get_with({{"host", "a.b"}, {"host", "c"}})).finish().http_status == 400);
}

TEST_CASE("text that a request was used for leaves nothing for the next") {
  RequestText text = text_of(get_with({{"bad name", "x"}}));
  CHECK(text.finish().status == http::ScanStatus::invalid);
  text.clear();
  for (const auto& [name, value] : get) text.add(name, value);
  REQUIRE(text.finish().status == http::ScanStatus::complete);
  CHECK(written(text, RequestText::Framing::none) == "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
}

TEST_CASE("too many fields are counted and not kept") {
  RequestText text = text_of(get);
  for (int i = 0; i < 1000; ++i) text.add("x", std::string(1000, 'x'));
  CHECK(text.is_too_large());
  CHECK(text.size() > 1'000'000);
  CHECK(text.finish().http_status == 431);
  CHECK(written(text, RequestText::Framing::chunked).size() <= RequestText::max_written);
}

TEST_CASE("trailers that frame or route are left out") {
  std::string lines;
  add_trailer("grpc-status", "0", lines);
  add_trailer("content-length", "5", lines);
  add_trailer("transfer-encoding", "chunked", lines);
  add_trailer("host", "x", lines);
  add_trailer("x-forwarded-for", "1.2.3.4", lines);
  add_trailer("bad name", "x", lines);
  add_trailer("x", "a\r\nb", lines);
  CHECK(lines == "grpc-status: 0\r\n");
}

TEST_CASE("an answer's fields are in lower case, without those of a connection") {
  CHECK(fields_of("HTTP/1.1 404 Not Here\r\nContent-Type: a\r\nConnection: X-Hop, close\r\n"
                  "X-Hop: 1\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\n"
                  "Set-Cookie: b\r\nUpgrade: h2c\r\n\r\n") ==
        Pairs{{":status", "404"}, {"content-type", "a"}, {"set-cookie", "a"}, {"set-cookie", "b"},
              {"via", "1.1 berth"}});
  CHECK(fields_of("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n") ==
        Pairs{{":status", "204"}, {"via", "1.1 berth"}});
  CHECK(fields_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n") ==
        Pairs{{":status", "200"}, {"content-length", "5"}, {"via", "1.1 berth"}});
  CHECK(fields_of("HTTP/1.1 100 Continue\r\n\r\n") == Pairs{{":status", "100"}});
}

TEST_CASE("Strict-Transport-Security is added unless the app sends its own") {
  CHECK(fields_of("HTTP/1.1 200 OK\r\n\r\n", {.hsts = "max-age=5"}) ==
        Pairs{{":status", "200"}, {"strict-transport-security", "max-age=5"},
              {"via", "1.1 berth"}});
  CHECK(fields_of("HTTP/1.1 200 OK\r\nStrict-Transport-Security: own\r\n\r\n",
                  {.hsts = "max-age=5"}) ==
        Pairs{{":status", "200"}, {"strict-transport-security", "own"}, {"via", "1.1 berth"}});
}

TEST_CASE("frames are counted however their bytes come, but for large ones of DATA") {
  const auto frame = [](std::size_t length, char type) {
    std::string bytes(9 + length, 'x');
    for (std::size_t i = 0; i < 3; ++i) bytes[i] = static_cast<char>(length >> (16 - 8 * i));
    bytes[3] = type;
    return bytes;
  };
  const std::string all = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(0, 4) + frame(70'000, 1) +
                          frame(255, 0) + frame(256, 0) + frame(0, 0) + frame(4, 8);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{4096}, all.size()}) {
    FrameCounter counter;
    std::int64_t count = 0;
    for (std::size_t at = 0; at < all.size(); at += piece)
      count += counter.feed(std::string_view(all).substr(at, piece));
    CHECK(count == 5);
  }
}

TEST_CASE("patience ends with a burst and grows with time and answers") {
  Patience patience(0);
  for (int i = 1; i < Patience::burst; ++i) REQUIRE(patience.lose(0));
  CHECK_FALSE(patience.lose(0));
  Patience patient(0);
  for (int i = 0; i < 10'000; ++i) {
    patient.regain();
    REQUIRE(patient.lose(0));
  }
  Patience slow(0);
  for (int i = 0; i < 10'000; ++i) REQUIRE(slow.lose(i * std::int64_t{1'000'000} / 20));
}

TEST_CASE("control frames are free as far as useful ones bring them along") {
  Patience patience(0);
  for (int i = 0; i < 10'000; ++i) {
    patience.allow(2);
    REQUIRE(patience.control(0));
    REQUIRE(patience.control(0));
  }
  int taken = 0;
  while (patience.control(0)) ++taken;
  CHECK(taken < 2 * Patience::burst);
}

}  // namespace berth::router::http2
