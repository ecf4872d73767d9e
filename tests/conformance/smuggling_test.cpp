// SPDX-License-Identifier: Apache-2.0
//
// Request smuggling: some thousand requests that two parsers could read differently, through a real
// router to an origin that reads as strictly as it can. Whatever a request hides must not become a
// request of its own there, and no head may reach it that has two readings.
#include "tests/conformance/strict_origin.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace berth::router::test {
namespace {

using namespace std::string_literals;

/// What is only a request to whoever takes part of a body for one, and one that is rightly there:
/// the next request ends both.
constexpr std::string_view hidden = "GET /smuggled HTTP/1.1\r\nHost: hello.localhost\r\nX: ";
constexpr std::string_view plain = "GET /after HTTP/1.1\r\nHost: hello.localhost\r\nX: ";

/// The hidden request as a chunk, with these behind its size.
std::string in_a_chunk(std::string_view behind_size = "\r\n", std::string_view end = "\r\n") {
  char size[16];
  std::snprintf(size, sizeof size, "%zx", hidden.size());
  return size + std::string(behind_size) + std::string(hidden) + std::string(end) + "0\r\n\r\n";
}

constexpr std::string_view chunked_head =
    "POST /probe HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A request with these field lines; its body is over early for whoever reads chunks, and late for
/// whoever counts.
std::string ends_by_chunks(const std::string& lines) {
  const std::string body = "0\r\n\r\n" + std::string(hidden);
  return "POST /probe HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + lines + "\r\n\r\n" + body;
}

/// The other way round, and the framing fields too: what is behind is no request for whoever reads
/// chunks.
std::string ends_by_length(const std::string& lines) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", plain.size());
  return "POST /probe HTTP/1.1\r\nHost: hello.localhost\r\n" + lines + "\r\nContent-Length: " +
         std::to_string(std::string_view(size).size()) + "\r\n\r\n" + size + std::string(plain) +
         "\r\n0\r\n\r\n";
}

/// A byte of every value at every place where a parser may overlook, skip or keep it.
std::vector<std::string> bytes_everywhere() {
  std::vector<std::string> all;
  for (int value = 0; value < 256; ++value) {
    const std::string byte(1, static_cast<char>(value));
    const std::string lines[] = {
        "Transfer-Encoding" + byte + ": chunked",  "Transfer-Encoding:" + byte + "chunked",
        "Transfer-Encoding: chunked" + byte,       byte + "Transfer-Encoding: chunked",
        "Transfer" + byte + "Encoding: chunked",   "Transfer-Encoding: " + byte + "chunked",
        "Transfer-Encoding: x" + byte + "chunked", "Transfer-Encoding: chunked" + byte + "x",
        "X: y" + byte + "Transfer-Encoding: chunked"};
    for (const std::string& line : lines) all.push_back(ends_by_chunks(line));
    for (const std::string& line : lines) all.push_back(ends_by_length(line));
    all.push_back("POST /probe HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 6" + byte +
                  "\r\n\r\n012345" + std::string(plain));
    all.push_back("POST /probe HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length:" + byte +
                  "6\r\n\r\n012345" + std::string(plain));
    all.push_back("GET /probe" + byte + "HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    all.push_back("GET " + byte + "/probe HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    all.push_back("GET /probe HTTP/1.1" + byte + "\r\nHost: hello.localhost\r\n\r\n");
    all.push_back("GET /probe HTTP/1.1\r\nHost: hello.localhost" + byte + "\r\n\r\n");
    for (const std::string& behind : {byte + "\r\n", ";a" + byte + "b\r\n", byte, byte + "\n"})
      all.push_back(std::string(chunked_head) + in_a_chunk(behind));
    for (const std::string& end : {byte, byte + "\n", "\r" + byte})
      all.push_back(std::string(chunked_head) + in_a_chunk("\r\n", end));
  }
  return all;
}

/// Framing fields, alone, in pairs and in both orders.
std::vector<std::string> framing_fields() {
  const std::string lines[] = {
      "Transfer-Encoding: chunked", "transfer-encoding: chunked", "Transfer-Encoding: CHUNKED",
      "Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked,",
      "Transfer-Encoding: ,chunked",
      "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"",
      "Transfer-Encoding: 'chunked'",
      "Transfer-Encoding:", "Transfer-Encoding: cow", "Transfer-Encoding : chunked",
      "Transfer-Encoding:\r\n chunked", "Transfer-Encoding:\n chunked",
      "Transfer-Encoding: chunked\r\n x",
      "Transfer_Encoding: chunked", "Transfer-Encoding: chunk", "Transfer-Encoding: xchunked",
      "TE: chunked", "Foo: bar\nTransfer-Encoding: chunked", "Foo: bar\rTransfer-Encoding: chunked",
      "Content-Length: 20", "Content-Length: 020", "Content-Length: +20", "Content-Length: -20",
      "Content-Length: 0x20", "Content-Length: 20.0", "Content-Length: 2e1",
      "Content-Length: 20, 20", "Content-Length: 20,21", "Content-Length: 20 21",
      "Content-Length: \"20\"", "Content-Length:",
      "Content-Length: 99999999999999999999", "Content-Length: 18446744073709551636",
      "Content_Length: 20", "Content-Length : 20", " Content-Length: 20",
      "Content-Length: 20\r\n\t7",
      "Connection: Content-Length", "Connection: Transfer-Encoding", "Connection: Host",
      "Connection: close, Content-Length", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
      "HTTP2-Settings: AAMAAABkAAQAAP__", "Expect: 100-continue", "Expect: x 100-continue",
      "Trailer: Content-Length", "Host: other.localhost", "Host: hello.localhost", "X-Empty:"};
  std::vector<std::string> all;
  for (const std::string& one : lines) {
    for (const char* version : {"1.1", "1.0"})
      all.push_back("POST /probe HTTP/"s + version + "\r\nHost: hello.localhost\r\n" + one +
                    "\r\n\r\n" + in_a_chunk());
    all.push_back(ends_by_chunks(one));
    all.push_back(ends_by_length(one));
    for (const std::string& other : lines)
      all.push_back("POST /probe HTTP/1.1\r\nHost: hello.localhost\r\n" + one + "\r\n" + other +
                    "\r\n\r\n" + in_a_chunk());
  }
  return all;
}

/// Line ends, request lines and chunks that are not quite such.
std::vector<std::string> odd_shapes() {
  const std::string rest = "Host: hello.localhost\r\n\r\n";
  std::vector<std::string> all = {
      "GET /probe HTTP/1.1\nHost: hello.localhost\n\n" + std::string(hidden),
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\n\r\n",
      "GET /probe HTTP/1.1\rHost: hello.localhost\r\r",
      "\r\nGET /probe HTTP/1.1\r\n" + rest,
      "\nGET /probe HTTP/1.1\r\n" + rest,
      "GET  /probe HTTP/1.1\r\n" + rest,
      "GET\t/probe HTTP/1.1\r\n" + rest,
      "GET /probe  HTTP/1.1\r\n" + rest,
      "GET /probe HTTP/1.1 \r\n" + rest,
      "GET /probe http/1.1\r\n" + rest,
      "GET /probe HTTP/1.2\r\n" + rest,
      "GET /probe HTTP/2.0\r\n" + rest,
      "GET /probe HTTP/1.10\r\n" + rest,
      "GET /probe HTTP/01.1\r\n" + rest,
      "GET /probe\r\n" + rest,
      "GET /probe x HTTP/1.1\r\n" + rest,
      "GET /probe#x HTTP/1.1\r\n" + rest,
      "GET http://hello.localhost/probe HTTP/1.1\r\nHost: other.localhost\r\n\r\n",
      "GET http://other.localhost/probe HTTP/1.1\r\n" + rest,
      "GET http://hello.localhost@other.localhost/probe HTTP/1.1\r\n" + rest,
      "CONNECT hello.localhost:80 HTTP/1.1\r\n" + rest,
      "CONNECT /probe HTTP/1.1\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n" +
          rest + std::string(hidden),
      "PRI /probe HTTP/1.1\r\n" + rest,
      "GET /probe HTTP/1.1\r\nHost:\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost, other.localhost\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost/x\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\r\nHost: hello.localhost\r\n\r\n",
      "GET /probe HTTP/1.1\r\n Host: hello.localhost\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\r\nX\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\r\n: x\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\r\nX: y\r\n z\r\n\r\n",
      "GET /probe HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: " +
          std::to_string(hidden.size()) + "\r\n\r\n" + std::string(hidden),
      "OPTIONS * HTTP/1.1\r\n" + rest,
  };
  for (const char* behind : {"\n", "\r", " \r\n", ";\r\n", ";a=\"\r\n\"\r\n", ";a\nb\r\n", "\r\r\n",
                             ";a=\"\r\n", ";a=\"b\"c\r\n", ";a=\"\\\"\r\n", ";\"\r\n", "; a\r\n",
                             "\r\n\r\n", "\t\r\n", ",\r\n", "h\r\n", ".0\r\n", "\0\r\n", "\v\r\n"})
    all.push_back(std::string(chunked_head) + in_a_chunk(behind));
  for (const char* end : {"\n", "\r", "", "\r\n\r\n", "x\r\n", "\n\r", " \r\n"})
    all.push_back(std::string(chunked_head) + in_a_chunk("\r\n", end));
  for (const char* before : {"0x", "+", "-", " ", "0", "\r\n", "\n", "00000000000000000",
                               "ffffffffffffffff",
                             "1000000", "g", "0;", "\t", "\0"})
    all.push_back(std::string(chunked_head) + before + in_a_chunk());
  for (const char* trailer :
       {"0\r\nContent-Length: 9\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nHost: x\r\n\r\n", "0\r\nConnection: close\r\n\r\n",
        "0\r\nProxy-Connection: close\r\n\r\n",
        "0\r\nX: y\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX\r\n\r\n",
        "0\n\r\n",
        "0\r\n\n", "0\r\rX: y\r\n\r\n", "00\r\n\r\n", "0;a\r\n\r\n"})
    all.push_back(std::string(chunked_head) + trailer);
  return all;
}

/// Each on a connection of its own, with a plain request behind it. How many the origin was sent.
std::size_t try_all(const std::vector<std::string>& requests) {
  Verdict verdict;
  Server origin(strict_origin(verdict));
  Bed bed(1);
  bed.put("running", {{"r-1", origin.port()}});
  int failures = 0;
  for (const std::string& request : requests) {
    Peer client = bed.client();
    client.send(request + "GET /after HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    client.end_sending();
    const std::string answers = client.read_all();
    int count = 0;
    for (std::size_t at = 0; (at = answers.find("HTTP/1.", at)) != answers.npos; ++at) ++count;
    const std::vector<std::string> dangers = verdict.take();
    CHECK_MESSAGE(dangers.empty(), shown(dangers.empty() ? "" : dangers.front()), "\nof:\n",
                  shown(request));
    CHECK_MESSAGE(count <= 3, shown(answers), "\nto:\n", shown(request));
    if (!dangers.empty() && ++failures == 10) break;
  }
  return verdict.targets().size();
}

TEST_CASE("no byte in or beside a framing field, a line or a chunk smuggles a request") {
  const auto all = bytes_everywhere();
  REQUIRE(all.size() > 6000);
  CHECK(try_all(all) > 100);  // some bytes are good ones
}

TEST_CASE("no two framing fields smuggle a request") {
  const auto all = framing_fields();
  REQUIRE(all.size() > 2500);
  CHECK(try_all(all) > 100);
}

TEST_CASE("no odd line, target, host or chunk smuggles a request") {
  const auto all = odd_shapes();
  CHECK(try_all(all) > 5);
}

}  // namespace
}  // namespace berth::router::test
