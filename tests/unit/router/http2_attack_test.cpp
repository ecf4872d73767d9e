// SPDX-License-Identifier: Apache-2.0
//
// The attacks of http2_attacks.hpp, each against a running router: it ends with GOAWAY
// ENHANCE_YOUR_CALM within 1,000 frames, while another client is served all along. How fast that
// one is served beside them, `./bench router_more` tells.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/unit/router/http2_attacks.hpp"

namespace berth::router::test {

namespace {

/// A router with an app, and a client that asks for it without a pause.
struct Besieged {
  Besieged() : server(answer_with("hi ")) {
    bed.put("running", {{"r-1", server.port()}});
    neighbour = std::thread([this] {
      Http2Peer client(bed.client());
      while (!stop) {
        const Answer& answer = client.answer(client.get("/"));
        (answer.body == "hi /" ? served : failed)++;
      }
    });
  }
  ~Besieged() {
    const int before = served;
    CHECK(eventually([&] { return served > before; }));
    stop = true;
    neighbour.join();
    CHECK(failed == 0);
  }

  Server server;
  Bed bed;
  std::atomic<bool> stop{false};
  std::atomic<int> served{0};
  std::atomic<int> failed{0};
  std::thread neighbour;
};

}  // namespace

TEST_CASE("attacks that are known by name are ended, and another client is served beside them") {
  for (const Http2Attack& attack : http2_attacks()) {
    CAPTURE(attack.name);
    Besieged besieged;
    Http2Peer attacker(besieged.bed.client(), attack.settings);
    const int error = outcome(attacker, attack.frames);
    CAPTURE(error);
    CHECK((attack.may_be_an_error ? error > 0 : error == enhance_your_calm));
  }
}

TEST_CASE("of attacks that come at once next to nothing is carried to the replica") {
  for (const Http2Attack& attack : http2_attacks()) {
    CAPTURE(attack.name);
    Besieged besieged;
    Http2Peer attacker(besieged.bed.client(), attack.settings);
    CHECK(outcome_at_once(attacker, attack.frames) > 0);
    CHECK(besieged.server.connections() < 20);
  }
}

TEST_CASE("more streams than allowed are refused, and a client that goes on so is ended") {
  Besieged besieged;
  besieged.bed.control->apply({{"type", "put_host"},
                               {"version", ++besieged.bed.version},
                               {"host", "asleep.localhost"},
                               {"app", "asleep"}});
  besieged.bed.control->apply({{"type", "put_app"},
                               {"version", ++besieged.bed.version},
                               {"app", app_json("asleep", "asleep", {})}});
  const FieldList held{{":method", "GET"},
                       {":scheme", "http"},
                       {":path", "/"},
                       {":authority", "asleep.localhost"}};
  Http2Peer peer(besieged.bed.client());
  REQUIRE(peer.sync());
  CHECK(peer.settings.at(3) == 100);
  for (int i = 0; i < 110; ++i) peer.send(peer.head(stream_of(i), held));
  // The settings are acknowledged: it knows better.
  const auto error = peer.goaway();
  REQUIRE(error);
  CHECK(error != 0U);
  Http2Peer other(besieged.bed.client());
  CHECK(outcome(other, [&](Http2Peer& client, int round) {
          return client.head(stream_of(round), held);
        }) > 0);
}

TEST_CASE("what browsers do is no attack: leaving pages, and two WINDOW_UPDATEs a frame") {
  const std::string large(4 << 20, 'x');
  Server server(always(large));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  std::int32_t stream = 1;
  for (int page = 0; page < 4; ++page) {
    std::string leaving;
    for (int i = 0; i < 99; ++i, stream += 2) {
      client.send(client.head(stream, Http2Peer::request("GET", "/")));
      leaving += frame(FrameType::rst_stream, 0, stream, be32(8));
    }
    client.send(leaving);
    REQUIRE(client.sync());
  }
  // Some 260 frames of DATA each, with two answers to each of them.
  for (int i = 0; i < 3; ++i, stream += 2) {
    client.send(client.head(stream, Http2Peer::request("GET", "/")));
    CHECK(client.answer(stream).body.size() == large.size());
  }
  CHECK(client.sync());
}

TEST_CASE("connections that were ended for abuse are counted") {
  Bed bed(1, [](Options& options) { options.admin_listen = "127.0.0.1:0"; });
  Http2Peer attacker(bed.client());
  CHECK(outcome(attacker, [](Http2Peer&, int) {
          return frame(FrameType::ping, 0, 0, "12345678");
        }) == enhance_your_calm);
  Peer admin = Peer::to_port(bed.router->admin_port());
  admin.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string metrics = admin.read_all();
  CHECK(metrics.find("\nberth_router_http2_connections_total 1\n") != std::string::npos);
  CHECK(metrics.find("\nberth_router_http2_abuses_total 1\n") != std::string::npos);
}

TEST_CASE("a header block that does not end is waited for no longer than any head") {
  Bed bed(1, [](Options& options) { options.head_timeout = 100ms; });
  Http2Peer peer(bed.client());
  REQUIRE(peer.sync());  // nothing may come in between, and settings are acknowledged now
  peer.send(frame(FrameType::headers, flag::end_stream, 1,
                  peer.block(Http2Peer::request("GET", "/"))));
  CHECK(static_cast<int>(peer.goaway().value_or(-1U)) == 11);
}

TEST_CASE("a connection of HTTP/2 without requests is closed, one that takes no answer, too") {
  Server server(answer_with("hi "));
  Bed bed(1, [](Options& options) { options.client_idle_timeout = 100ms; });
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer idle(bed.client());
  CHECK(idle.goaway() == 0U);
  Http2Peer stuck(bed.client(), setting(4, 0));
  stuck.get("/");
  CHECK(stuck.goaway() == 0U);
  CHECK_FALSE(stuck.so_far(1).ended);
}

}  // namespace berth::router::test
