// SPDX-License-Identifier: Apache-2.0
//
// Proxies before the router, and whose connection one is: trusted ones, the PROXY protocol, and how
// many an address may have.
#include <doctest/doctest.h>

#include "router/http/proxy_header.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

using Status = http::ProxyHeader::Status;

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string version_2(std::string_view rest) { return std::string(signature) + std::string(rest); }

/// Answers with what it was told of the client.
Server::Serve tell_client() {
  return [](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      peer.send(response(request.header("x-forwarded-for") + "|" + request.header("forwarded") +
                         "|" + request.header("x-forwarded-proto") + "|" +
                         request.header("x-forwarded-port")));
    }
  };
}

std::string source_of(std::string_view data) {
  const auto header = http::scan_proxy_header(data);
  if (header.status == Status::invalid) return "invalid";
  if (header.status == Status::incomplete) return "incomplete";
  return (header.source ? header.source->text() : "unknown") + " " + std::to_string(header.size);
}

}  // namespace

TEST_CASE("both versions of the PROXY protocol are read to the byte") {
  CHECK(source_of("PROXY TCP4 192.0.2.7 192.0.2.8 51234 443\r\nGET") == "192.0.2.7 42");
  CHECK(source_of("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n") == "2001:db8::7 36");
  CHECK(source_of("PROXY UNKNOWN\r\n") == "unknown 15");
  CHECK(source_of("PROXY UNKNOWN ff 1 2\r\n") == "unknown 22");
  CHECK(source_of("PROXY TCP4 192.0.2.7 192.0.2.8 51234 443\r") == "incomplete");
  CHECK(source_of("PRO") == "incomplete");
  CHECK(source_of("") == "incomplete");
  CHECK(source_of(std::string("PROXY UNKNOWN ") + std::string(100, 'x')) == "invalid");
  for (const char* bad :
       {"GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 51234 443\n",
        "PROXY TCP5 a b 1 2\r\n",
        "PROXY TCP4 2001:db8::7 ::1 1 2\r\n", "PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 65536\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n",
        "PROXY  TCP4 192.0.2.7 192.0.2.8 1 2\r\n", "PROXYX"})
    CHECK_MESSAGE(source_of(bad) == "invalid", bad);

  const std::string four("\x21\x11\0\x0c\xc0\0\2\7\xc0\0\2\x08\xc8\x22\1\xbb", 16);
  CHECK(source_of(version_2(four) + "GET") == "192.0.2.7 28");
  for (std::size_t part = 0; part < 28; ++part)
    CHECK(source_of(version_2(four).substr(0, part)) == "incomplete");
  CHECK(source_of(version_2({"\x20\0\0\0", 4})) == "unknown 16");
  CHECK(source_of(version_2({"\x21\x31\0\0", 4})) == "unknown 16");
  CHECK(source_of(version_2({"\x11\x11\0\x0c", 4})) == "invalid");
  CHECK(source_of(version_2({"\x22\x11\0\x0c", 4})) == "invalid");
  CHECK(source_of(version_2({"\x21\x11\0\x0b", 4})) == "invalid");
  CHECK(source_of(version_2({"\x21\x21\0\x0c", 4})) == "invalid");
  CHECK(source_of(version_2({"\x21\x11\xff\xff", 4})) == "invalid");
}

TEST_CASE("what a trusted proxy says of the client is true, what others say is not") {
  Server server(tell_client());
  const std::string claims =
      "X-Forwarded-For: 203.0.113.9, 192.0.2.7, 127.0.0.5\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Port: 443\r\n";
  {
    Bed bed;
    bed.put("running", {{"r-1", server.port()}});
    Peer client = bed.client();
    client.send(get("/", claims));
    CHECK(client.read_message().body ==
          "203.0.113.9, 192.0.2.7, 127.0.0.5, 127.0.0.1|for=127.0.0.1;proto=http;"
          "host=\"hello.localhost\"|http|" + std::to_string(bed.port()));
  }
  Bed bed(1, [](Options& options) { options.trusted_proxies = {"127.0.0.0/8"}; });
  bed.put("running", {{"r-1", server.port()}}, {{"rules", {{"allow_from", {"192.0.2.7"}}}}});
  Peer client = bed.client();
  client.send(get("/", claims));
  CHECK(client.read_message().body ==
        "203.0.113.9, 192.0.2.7, 127.0.0.5, 127.0.0.1|for=192.0.2.7;proto=https;"
        "host=\"hello.localhost\"|https|443");
  client.send(get("/", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 203.0.113.9\r\n"));
  CHECK(client.read_message().status() == 403);
  client.send(get("/", "X-Forwarded-For: 192.0.2.7, nobody\r\n"));
  CHECK(client.read_message().status() == 403);
  client.send(get("/", "X-Forwarded-Proto: gopher\r\nX-Forwarded-For: 192.0.2.7\r\n"));
  CHECK(client.read_message().body.find("|http|") != std::string::npos);
}

TEST_CASE("a connection that begins with a PROXY header is of whom it names") {
  Server server(tell_client());
  Bed bed(1, [](Options& options) { options.proxy_protocol = {"127.0.0.1"}; });
  bed.put("running", {{"r-1", server.port()}});
  const std::string header = "PROXY TCP4 192.0.2.7 192.0.2.8 51234 443\r\n";
  {
    Peer client = bed.client();
    client.send(header + get("/"));
    CHECK(client.read_message().body.starts_with("192.0.2.7|for=192.0.2.7;"));
    client.send(get("/"));  // it is said once a connection
    CHECK(client.read_message().body.starts_with("192.0.2.7|"));
  }
  {
    Peer client = bed.client();
    for (const char byte : header + get("/")) client.send({&byte, 1});
    CHECK(client.read_message().body.starts_with("192.0.2.7|"));
  }
  {
    Peer client = bed.client();
    client.send(version_2({"\x20\0\0\0", 4}) + get("/"));
    CHECK(client.read_message().body.starts_with("127.0.0.1|"));
  }
  for (const std::string& wrong : {get("/"), std::string("PROXY nonsense\r\n")}) {
    Peer client = bed.client();
    client.send(wrong);
    CHECK(client.read_all().empty());
  }
}

TEST_CASE("a PROXY header comes before TLS") {
  Server server(tell_client());
  Bed bed(1, [](Options& options) {
    options.proxy_protocol = {"127.0.0.1"};
    options.listen_https = {"127.0.0.1:0"};
  });
  bed.put("running", {{"r-1", server.port()}});
  const auto authority = CertificateAuthority::create("Test", "localhost").value();
  bed.put_certificate("hello", {"hello.localhost"}, authority.issue("hello.localhost").value());
  Peer client = bed.https_client();
  client.send("PROXY TCP6 2001:db8::7 ::1 51234 443\r\n");
  REQUIRE(client.start_tls({.trusted = authority.certificate()}) == "");
  client.send(get("/"));
  CHECK(client.read_message().body.starts_with(
      "2001:db8::7|for=\"[2001:db8::7]\";proto=https;"));
}

TEST_CASE("a PROXY header from who is not told to send one is no request") {
  Bed bed;
  Peer client = bed.client();
  client.send("PROXY TCP4 192.0.2.7 192.0.2.8 51234 443\r\n" + get("/"));
  CHECK(client.read_message().status() == 400);
}

TEST_CASE("an address has no more connections than it may, and gets others when some end") {
  Server server(tell_client());
  Bed bed(2, [](Options& options) {
    options.max_connections_per_address = 3;
    options.proxy_protocol = {"127.0.0.2"};
  });
  bed.put("running", {{"r-1", server.port()}});
  std::vector<Peer> clients(3);
  for (Peer& client : clients) {
    client = bed.client();
    client.send(get("/"));
    CHECK(client.read_message().status() == 200);
  }
  Peer more = bed.client();
  more.send(get("/"));
  CHECK(more.read_all().empty());
  clients.pop_back();
  CHECK(eventually([&] {
    Peer again = bed.client();
    again.send(get("/"));
    return again.read_message().status() == 200;
  }));
}

}  // namespace berth::router::test
