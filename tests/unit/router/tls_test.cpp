// SPDX-License-Identifier: Apache-2.0
//
// HTTPS through a running router, with OpenSSL as its client.
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <set>

#include "base/shown_certificate.hpp"
#include "router/table.hpp"
#include "router/tls/ticket_keys.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

const CertificateAuthority& authority() {
  static const CertificateAuthority made =
      CertificateAuthority::create("test", "localhost").value();
  return made;
}

CertificatePem certificate(std::string_view host) { return authority().issue(host).value(); }

/// The names of the certificate that the client was shown.
std::string shown(const Peer& peer) {
  X509* certificate = SSL_get0_peer_certificate(peer.tls());
  char name[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

/// A bed whose app has a certificate.
struct SecureBed : Bed {
  explicit SecureBed(unsigned threads = 1, std::function<void(Options&)> adjust = {})
      : Bed(threads, std::move(adjust)) {
    put_certificate("hello", {"hello.localhost"}, certificate("hello.localhost"));
  }
  /// A client after its handshake.
  [[nodiscard]] Peer secure_client(const TlsOffer& offer = {}) const {
    Peer peer = https_client();
    CHECK(peer.start_tls(offer) == "");
    return peer;
  }
};

}  // namespace

TEST_CASE("requests over TLS 1.2 and 1.3 reach the app, which is told that they came by https") {
  std::atomic<int> checked{0};
  Server server([&](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      if (request.header("x-forwarded-proto") == "https" &&
          request.header("x-forwarded-for") == "127.0.0.1" &&
          request.header("forwarded") == "for=127.0.0.1;proto=https;host=\"hello.localhost\"")
        ++checked;
      peer.send(response(request.header("x-forwarded-port")));
    }
  });
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  int requests = 0;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Peer client = bed.secure_client({.trusted = authority().certificate(),
                                     .version = version,
                                     .protocols = {"spdy/3", "http/1.1"}});
    CHECK(SSL_version(client.tls()) == version);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.tls(), &protocol, &size);
    CHECK(std::string_view(reinterpret_cast<const char*>(protocol), size) == "http/1.1");
    for (int i = 0; i < 20; ++i, ++requests) {
      REQUIRE(client.send(get("/")));
      CHECK(client.read_message().body == std::to_string(bed.https_port()));
    }
  }
  CHECK(checked == requests);
  CHECK(bed.log_lines(1)[0].ends_with(" protocol=https"));
  CHECK(server.connections() == 1);
}

TEST_CASE("the certificate is chosen by the name that the client asks for") {
  Bed bed;
  bed.put_certificate("exact", {"a.shop.localhost"}, certificate("a.shop.localhost"));
  bed.put_certificate("wild", {"*.shop.localhost"}, certificate("*.shop.localhost"));
  bed.put_certificate("default", {"localhost"}, certificate("localhost"), true);
  const auto shown_for = [&](const std::string& host) {
    Peer client = bed.https_client();
    const std::string failure = client.start_tls({.host = host});
    return failure.empty() ? shown(client) : failure;
  };
  CHECK(shown_for("a.shop.localhost") == "a.shop.localhost");
  CHECK(shown_for("A.Shop.LocalHost") == "a.shop.localhost");
  CHECK(shown_for("b.shop.localhost") == "*.shop.localhost");
  CHECK(shown_for("") == "localhost");
  CHECK(shown_for("shop.localhost") == "tlsv1 unrecognized name");
  CHECK(shown_for("a.b.shop.localhost") == "tlsv1 unrecognized name");
  CHECK(shown_for("other.example") == "tlsv1 unrecognized name");
}

TEST_CASE("without any certificate a handshake fails and the router goes on") {
  Bed bed;
  CHECK(bed.https_client().start_tls({.host = ""}) == "sslv3 alert handshake failure");
  CHECK(bed.https_client().start_tls({}) == "tlsv1 unrecognized name");
  bed.put_certificate("hello", {"hello.localhost"}, certificate("hello.localhost"));
  CHECK(bed.https_client().start_tls({}) == "");
}

TEST_CASE("a certificate that cannot be read takes no other with it") {
  SecureBed bed;
  bed.put_certificate("broken", {"broken.localhost"}, {.chain = "x", .key = "y"});
  CHECK(bed.https_client().start_tls({}) == "");
  CHECK(bed.https_client().start_tls({.host = "broken.localhost"}) == "tlsv1 unrecognized name");
}

TEST_CASE("a restarted router has its certificates without a control plane") {
  Server server(answer_with("hi "));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  bed.restart();
  Peer client = bed.secure_client({.trusted = authority().certificate()});
  client.send(get("/"));
  CHECK(client.read_message().body == "hi /");
  CHECK((std::filesystem::status(bed.options.table_file).permissions() &
         std::filesystem::perms::others_all) == std::filesystem::perms::none);
}

TEST_CASE("sessions are resumed on every thread, by tickets") {
  Server server(answer_with("hi "));
  SecureBed bed(2);
  bed.put("running", {{"r-1", server.port()}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Peer first = bed.secure_client({.version = version});
    first.send(get("/first"));
    CHECK(first.read_message().body == "hi /first");
    CHECK(SSL_session_reused(first.tls()) == 0);
    const auto session = first.session();
    // The kernel spreads connections over the threads by their ports.
    for (int i = 0; i < 10; ++i) {
      Peer again = bed.secure_client({.version = version, .session = session});
      again.send(get("/again"));
      CHECK(again.read_message().body == "hi /again");
      CHECK(SSL_session_reused(again.tls()) == 1);
    }
  }
}

TEST_CASE("old protocols, old ciphers and protocols that are not spoken here are refused") {
  SecureBed bed;
  const auto refused = [&](const TlsOffer& offer) {
    return !bed.https_client().start_tls(offer).empty();
  };
  CHECK(refused({.version = TLS1_1_VERSION}));
  CHECK(refused({.version = TLS1_2_VERSION, .ciphers = "AES128-SHA"}));
  CHECK(refused({.version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA256"}));
  CHECK(refused({.protocols = {"h3"}}));
  CHECK(bed.https_client().start_tls({.version = TLS1_2_VERSION,
                                      .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}) == "");
}

TEST_CASE("a client cannot renegotiate") {
  SecureBed bed;
  Peer client = bed.secure_client({.version = TLS1_2_VERSION});
  CHECK(SSL_renegotiate(client.tls()) == 1);
  CHECK(SSL_do_handshake(client.tls()) != 1);
}

TEST_CASE("a handshake that takes too long is ended") {
  SecureBed bed(1, [](Options& options) { options.handshake_timeout = 100ms; });
  Peer silent = bed.https_client();
  CHECK(silent.read_all().empty());
  // A head that trickles in does not move the deadline.
  Peer slow = bed.https_client();
  const std::string begin("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  slow.send(begin);
  pollfd end{slow.fd(), POLLIN, 0};
  while (::poll(&end, 1, 10) == 0) slow.send("x");
  CHECK(slow.read_all().empty());
  // One that has shaken hands has all the time of an idle client.
  Server server(answer_with("hi "));
  bed.put("running", {{"r-1", server.port()}});
  Peer idle = bed.secure_client();
  CHECK(bed.https_client().read_all().empty());
  idle.send(get("/"));
  CHECK(idle.read_message().body == "hi /");
}

TEST_CASE("a plain request to the HTTPS port is told so") {
  SecureBed bed;
  for (const std::string method : {"GET", "OPTIONS", "post"}) {
    Peer client = bed.https_client();
    client.send(method + " / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    const auto answer = client.read_message();
    CHECK(answer.status() == 400);
    CHECK(answer.body.find("https://") != std::string::npos);
    CHECK(client.read_all().empty());
  }
  Peer garbage = bed.https_client();
  garbage.send(std::string("\0\1\2\3\4\5\6\7", 8));
  CHECK(garbage.read_all().find("HTTP") == std::string::npos);
}

TEST_CASE("a request body that is cut off is not taken for a whole one") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    std::string seen;
    std::atomic<bool> ended{false};
    Server server([&](Peer& peer) {
      seen = peer.read_until("\r\n\r\n");
      seen += peer.read_all();
      ended = true;
    });
    SecureBed bed;
    bed.put("running", {{"r-1", server.port()}});
    Peer client = bed.secure_client();
    client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\n" +
                std::string(chunked ? "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                                    : "Content-Length: 10\r\n\r\nabc"));
    CHECK(eventually([&] { return server.connections() == 1; }));
    client.close();  // as an attacker on the way would: a FIN, and no notice within TLS
    CHECK(eventually([&] { return ended.load(); }));
    CHECK(seen.find("0\r\n\r\n", seen.find("\r\n\r\n")) == std::string::npos);
    CHECK(bed.log_lines(1)[0].find("code=H27") != std::string::npos);
  }
}

TEST_CASE("the end of an answer that ends with the connection is said, a cut one is not") {
  Server server([](Peer& peer) {
    const bool whole = peer.read_message().head.starts_with("GET /whole");
    peer.send(whole ? "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
                    : "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer whole = bed.secure_client();
  whole.send(get("/whole"));
  CHECK(whole.read_all().ends_with("\r\n\r\nall of it"));
  CHECK(whole.ended_whole());
  Peer cut = bed.secure_client();
  cut.send(get("/cut"));
  CHECK(cut.read_all().ends_with("\r\n\r\nhalf"));
  CHECK_FALSE(cut.ended_whole());
}

TEST_CASE("a client that goes away over TLS ends its request at the replica") {
  for (const bool in_order : {true, false}) {
    CAPTURE(in_order);
    std::atomic<bool> received{false};
    std::atomic<bool> noticed{false};
    Server server([&](Peer& peer) {
      CHECK_FALSE(peer.read_message().head.empty());
      received = true;
      CHECK(peer.read_all().empty());
      noticed = true;
    });
    SecureBed bed;
    bed.put("running", {{"r-1", server.port()}});
    Peer client = bed.secure_client();
    client.send(get("/"));
    CHECK(eventually([&] { return received.load(); }));
    if (in_order) client.end_sending();
    client.close();
    CHECK(eventually([&] { return noticed.load(); }));
    CHECK(bed.log_lines(1)[0].find("code=H27") != std::string::npos);
  }
}

TEST_CASE("large bodies pass whole over TLS in both directions at their readers' pace") {
  constexpr std::size_t size = 24 << 20;
  std::atomic<bool> go{false};
  std::atomic<std::size_t> written{0};
  Server server([&](Peer& peer) {
    CHECK_FALSE(peer.read_until("\r\n\r\n").empty());
    CHECK(eventually([&] { return go.load(); }));
    CHECK(peer.read_exactly(size) == std::string(size, 'u'));
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    std::string block(1 << 16, 'a');
    for (std::size_t i = 0; i < size; i += block.size()) {
      block[0] = static_cast<char>('a' + i / block.size() % 26);
      if (!peer.send(block)) return;
      written += block.size();
    }
  });
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.https_client();
  const int small = 64 * 1024;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  REQUIRE(client.start_tls({}) == "");
  std::thread sender([&] {
    client.send("PUT / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: " +
                std::to_string(size) + "\r\n\r\n");
    client.send(std::string(size, 'u'));
  });
  CHECK(eventually([&] { return server.connections() == 1; }));
  go = true;
  sender.join();
  // The writer comes to a stand while nobody reads.
  std::size_t last = 1;
  CHECK(eventually(
      [&] { return std::exchange(last, written.load()) == written.load() && last > 0; }));
  CHECK(last < size);
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  for (std::size_t i = 0; i < size; i += 1 << 16) {
    const std::string block = client.read_exactly(1 << 16);
    REQUIRE(block.size() == 1 << 16);
    REQUIRE(block[0] == static_cast<char>('a' + i / (1 << 16) % 26));
  }
}

TEST_CASE("a WebSocket over TLS is a tunnel in both directions, half-closed at each end") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_until("\r\n\r\n").empty());
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\nfirst");
    CHECK(peer.read_exactly(5) == "early");
    for (std::string text; !(text = peer.read_exactly(4)).empty();) peer.send(text);
    peer.send("bye");
  });
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.secure_client();
  client.send(get("/", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n") + "early");
  CHECK(client.read_message(false).status() == 101);
  CHECK(client.read_exactly(5) == "first");
  for (int i = 0; i < 100; ++i) {
    client.send("ping");
    REQUIRE(client.read_exactly(4) == "ping");
  }
  client.end_sending();
  CHECK(client.read_all() == "bye");
  CHECK(client.ended_whole());
}

TEST_CASE("pipelined requests in one record and a head byte by byte are requests like any other") {
  Server server(answer_with(""));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.secure_client();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 50; ++i) CHECK(client.read_message().body == "/" + std::to_string(i));
  for (const char byte : get("/slow")) client.send({&byte, 1});
  CHECK(client.read_message().body == "/slow");
}

TEST_CASE("certificates are swapped under load without a failed request") {
  Server server(answer_with("hi "));
  SecureBed bed(2);
  bed.put("running", {{"r-1", server.port()}});
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::atomic<int> succeeded{0};
  std::vector<std::thread> threads;
  for (const bool keeps : {true, false, true, false}) {
    threads.emplace_back([&, keeps] {
      Peer client;
      while (!stop) {
        if (!client.tls()) {
          client = bed.https_client();
          if (!client.start_tls({.trusted = authority().certificate()}).empty()) ++failed;
        }
        client.send(get("/"));
        client.read_message().body == "hi /" ? ++succeeded : ++failed;
        if (!keeps) client.close();
      }
    });
  }
  Peer kept = bed.secure_client();
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) {
    bed.put_certificate("hello", {"hello.localhost"}, certificate("hello.localhost"));
    Peer next = bed.secure_client({.trusted = authority().certificate()});
    const ASN1_INTEGER* serial =
        X509_get0_serialNumber(SSL_get0_peer_certificate(next.tls()));
    serials.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                    static_cast<std::size_t>(ASN1_STRING_length(serial)));
  }
  CHECK(serials.size() == 50);
  CHECK(eventually([&] { return succeeded > 200; }));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  kept.send(get("/kept"));
  CHECK(kept.read_message().body == "hi /kept");
}

TEST_CASE("a stopping router ends idle TLS connections in good order") {
  Server server(answer_with("hi "));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer idle = bed.secure_client();
  idle.send(get("/"));
  CHECK(idle.read_message().body == "hi /");
  bed.router->stop();
  CHECK(idle.read_all().empty());
  CHECK(idle.ended_whole());
}

TEST_CASE("an app that wants HTTPS has its plain requests redirected, whatever their method") {
  Server server(answer_with("hi "));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"https_redirect", true}});
  const std::string there = "https://hello.localhost:" + std::to_string(bed.https_port());
  Peer client = bed.client();
  client.send(get("/a?b=c"));
  auto answer = client.read_message();
  CHECK(answer.status() == 308);
  CHECK(answer.header("location") == there + "/a?b=c");
  client.send("OPTIONS * HTTP/1.1\r\nHost: Hello.LocalHost:1\r\n\r\n");
  answer = client.read_message();
  CHECK(answer.header("location") == there + "/");
  // With a body that is not read, the connection ends.
  client.send("POST /x HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 5\r\n\r\n");
  answer = client.read_message();
  CHECK(answer.status() == 308);
  CHECK(answer.header("connection") == "close");
  CHECK(client.read_all().empty());
  Peer secure = bed.secure_client();
  secure.send(get("/a"));
  CHECK(secure.read_message().body == "hi /a");
  CHECK(server.connections() == 1);
  CHECK(bed.log_lines(4)[0].find("status=308") != std::string::npos);
}

TEST_CASE("a certificate authority finds its proof at any host, redirect or not") {
  Server server(answer_with("hi "));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"https_redirect", true}});
  bed.control->apply({{"type", "put_challenge"},
                      {"version", ++bed.version},
                      {"token", "to-ken_1"},
                      {"proof", "to-ken_1.thumb"}});
  Peer client = bed.client();
  client.send(get("/.well-known/acme-challenge/to-ken_1"));
  CHECK(client.read_message().body == "to-ken_1.thumb");
  client.send("GET /.well-known/acme-challenge/to-ken_1 HTTP/1.1\r\nHost: new.example\r\n\r\n");
  CHECK(client.read_message().body == "to-ken_1.thumb");
  client.send(get("/.well-known/acme-challenge/to-ken_"));
  CHECK(client.read_message().status() == 308);
  bed.control->apply(
      {{"type", "remove_challenge"}, {"version", ++bed.version}, {"token", "to-ken_1"}});
  client.send(get("/.well-known/acme-challenge/to-ken_1"));
  CHECK(client.read_message().status() == 308);
}

TEST_CASE("a certificate authority is shown its proof, and nobody else is") {
  Server server(answer_with("hi "));
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}});
  const auto shown_for = [&](const std::string& host, std::vector<std::string> protocols,
                             int version) {
    Peer client = bed.https_client();
    const std::string failure =
        client.start_tls({.host = host, .version = version, .protocols = std::move(protocols)});
    return failure.empty() ? shown(client) : failure;
  };
  const auto put = [&](const std::string& host) {
    CertificatePem pem = make_proof_certificate(host, "to-ken_1.thumb").value();
    bed.control->apply({{"type", "put_tls_challenge"},
                        {"version", ++bed.version},
                        {"host", host},
                        {"chain", pem.chain},
                        {"key", pem.key}});
    return pem;
  };
  const CertificatePem proof_of_new = put("new.localhost");
  put("hello.localhost");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(shown_for("new.localhost", {"acme-tls/1"}, version) == "new.localhost");
    CHECK(shown_for("NEW.localhost", {"acme-tls/1"}, version) == "new.localhost");
    CHECK(shown_for("other.example", {"acme-tls/1"}, version) == "tlsv1 unrecognized name");
    CHECK(shown_for("new.localhost", {"http/1.1"}, version) == "tlsv1 unrecognized name");
    CHECK(shown_for("new.localhost", {"acme-tls/1", "http/1.1"}, version) ==
          "tlsv1 unrecognized name");
    CHECK(shown_for("new.localhost", {}, version) == "tlsv1 unrecognized name");
    CHECK(shown_for("", {"acme-tls/1"}, version) == "sslv3 alert handshake failure");

    // Of a host that is served, the proof is of its own; and no request is read behind it.
    Peer looks = bed.https_client();
    REQUIRE(looks.start_tls({.version = version, .protocols = {"acme-tls/1"}}) == "");
    X509* proof = SSL_get0_peer_certificate(looks.tls());
    CHECK(X509_NAME_cmp(X509_get_subject_name(proof), X509_get_issuer_name(proof)) == 0);
    looks.send(get("/"));
    CHECK(looks.read_all().empty());
    CHECK(SSL_SESSION_has_ticket(looks.session().get()) == 0);
    Peer client = bed.secure_client({.trusted = authority().certificate(), .version = version});
    client.send(get("/"));
    CHECK(client.read_message().body == "hi /");
  }
  CHECK(bed.log_lines(2).size() == 2);
  const auto seen = shown_certificate("new.localhost", bed.https_port(), "acme-tls/1", 5s);
  REQUIRE_MESSAGE(seen.has_value(), seen.error().message);
  CHECK(*seen == proof_of_new.chain);
  CHECK(shown_certificate("other.localhost", bed.https_port(), "acme-tls/1", 5s).error().message ==
        "TLS handshake: tlsv1 unrecognized name");
  CHECK(shown_certificate("new.localhost", DeadPort().port(), "acme-tls/1", 5s).error().message ==
        "connect: Connection refused");
  bed.restart();
  CHECK(shown_for("new.localhost", {"acme-tls/1"}, 0) == "new.localhost");
  bed.control->apply(
      {{"type", "remove_tls_challenge"}, {"version", ++bed.version}, {"host", "new.localhost"}});
  CHECK(shown_for("new.localhost", {"acme-tls/1"}, 0) == "tlsv1 unrecognized name");
  CHECK(shown_for("hello.localhost", {"acme-tls/1"}, 0) == "hello.localhost");
}

TEST_CASE("without an HTTPS port nothing is redirected to where nobody listens") {
  Server server(answer_with("hi "));
  Bed bed(1, [](Options& options) { options.listen_https.clear(); });
  bed.put("running", {{"r-1", server.port()}}, {{"https_redirect", true}});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(client.read_message().body == "hi /");
}

TEST_CASE("HSTS is said in answers by HTTPS alone, and an app's own is left") {
  Server server([](Peer& peer) {
    for (;;) {
      const auto request = peer.read_message();
      if (request.head.empty()) return;
      peer.send(request.head.starts_with("GET /own")
                    ? response("", "strict-transport-security: max-age=1\r\n")
                    : response(""));
    }
  });
  SecureBed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"hsts", "max-age=60; includeSubDomains"}});
  Peer secure = bed.secure_client();
  secure.send(get("/"));
  CHECK(secure.read_message().header("strict-transport-security") ==
        "max-age=60; includeSubDomains");
  secure.send(get("/own"));
  const auto own = secure.read_message();
  CHECK(own.header("strict-transport-security") == "max-age=1");
  CHECK(own.head.find("Strict-") == std::string::npos);
  Peer plain = bed.client();
  plain.send(get("/"));
  CHECK(plain.read_message().header("strict-transport-security").empty());
}

TEST_CASE("certificates of the table survive being written and read, and are changed one by one") {
  const Message put = parse_message(
      R"({"type":"put_certificate","version":3,"certificate":{"name":"c-1",)"
      R"("hosts":["WWW.Example.com","*.shop.example"],"default":true,"chain":"C","key":"K"}})")
      .value();
  Table table;
  apply(table, put);
  CHECK(table.version == 3);
  CHECK(table.certificates.at("c-1") ==
        Certificate{.name = "c-1",
                    .hosts = {"www.example.com", "*.shop.example"},
                    .is_default = true,
                    .pem = {.chain = "C", .key = "K"}});
  CHECK(table_from_json(to_json(table)).value() == table);
  apply(table, parse_message(R"({"type":"remove_certificate","version":4,"name":"c-1"})").value());
  CHECK(table.certificates.empty());
  for (const char* bad :
       {R"({"type":"put_certificate","version":3})",
        R"({"type":"put_certificate","version":3,"certificate":{"name":"c","chain":"C"}})",
        R"({"type":"put_certificate","version":3,"certificate":{"name":"a b","chain":"C",)"
        R"("key":""}})",
        R"({"type":"put_certificate","version":3,"certificate":{"name":"c","chain":"C","key":"",)"
        R"("hosts":["a/b"]}})",
        R"({"type":"put_app","version":3,"app":{"name":"a","state":"empty","hsts":"a\r\nb"}})"}) {
    const auto refused = parse_message(bad);
    REQUIRE(refused.has_error());
    CHECK(refused.error().message.find("\"K\"") == std::string::npos);
  }
}

TEST_CASE("a ticket key opens for two rotations after its own, and no longer") {
  auto keys = TicketKeys::rotated(nullptr);
  const auto name = keys->keys.front().name;
  const auto holds = [&] {
    for (std::size_t i = 0; i < keys->count; ++i)
      if (keys->keys[i].name == name) return true;
    return false;
  };
  for (const bool held : {true, true, false}) {
    keys = TicketKeys::rotated(keys.get());
    CHECK(holds() == held);
    CHECK(keys->keys.front().name != name);
  }
}

}  // namespace berth::router::test
