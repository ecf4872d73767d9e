// SPDX-License-Identifier: Apache-2.0
//
// The attacks on HTTP/2 that are known by name, each against a running router: it ends with GOAWAY
// ENHANCE_YOUR_CALM within 1,000 frames, while another client is served all along.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

constexpr int enhance_your_calm = 11;
constexpr int frames_allowed = 1000;

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

using Attack = std::function<std::string(Http2Peer& peer, int round)>;

/// As many rounds of the attack as there may be; the error of the GOAWAY that ended it, -1 without.
int outcome(const Bed& bed, const Attack& attack, int frames_per_round = 1,
            std::string_view settings = {}) {
  Http2Peer peer(bed.client(), settings);
  for (int round = 0; round < frames_allowed / frames_per_round; ++round)
    if (!peer.send(attack(peer, round))) break;
  return static_cast<int>(peer.goaway().value_or(-1U));
}

std::int32_t stream_of(int round) { return 2 * round + 1; }

}  // namespace

TEST_CASE("rapid reset: requests that are cancelled at once (CVE-2023-44487)") {
  Besieged besieged;
  CHECK(outcome(besieged.bed, [](Http2Peer& peer, int round) {
          return peer.head(stream_of(round), Http2Peer::request("GET", "/")) +
                 frame(FrameType::rst_stream, 0, stream_of(round), be32(8));
        }) == enhance_your_calm);
  CHECK(besieged.server.connections() < 20);
}

TEST_CASE("made you reset: requests that the router must cancel (CVE-2025-8671)") {
  Besieged besieged;
  const std::vector<std::function<std::string(std::int32_t)>> provocations{
      [](std::int32_t stream) { return frame(FrameType::window_update, 0, stream, be32(0)); },
      [](std::int32_t stream) {
        return frame(FrameType::window_update, 0, stream, be32(0x7fffffff));
      },
      [](std::int32_t stream) { return frame(FrameType::data, 0, stream, "unasked"); },
      [](std::int32_t stream) { return frame(FrameType::priority, 0, stream, be32(1)); },
  };
  for (const auto& provoke : provocations) {
    const int error = outcome(besieged.bed, [&](Http2Peer& peer, int round) {
      return peer.head(stream_of(round), Http2Peer::request("GET", "/")) +
             provoke(stream_of(round));
    });
    // Where the protocol takes it for an error of the connection it ends at the first.
    CHECK(error > 0);
  }
}

TEST_CASE("CONTINUATION frames without an end (CVE-2024-28182)") {
  Besieged besieged;
  for (const bool empty : {false, true}) {
    CHECK(outcome(besieged.bed, [&](Http2Peer& peer, int round) {
            if (round == 0)
              return frame(FrameType::headers, flag::end_stream, 1,
                           peer.block(Http2Peer::request("GET", "/")));
            return frame(FrameType::continuation, 0, 1,
                         empty ? "" : peer.block({{"x" + std::to_string(round), "y"}}));
          }) == enhance_your_calm);
  }
}

TEST_CASE("an HPACK bomb: a field of the table, repeated at a byte each (CVE-2016-6581)") {
  Besieged besieged;
  CHECK(outcome(besieged.bed, [](Http2Peer& peer, int round) {
          std::string block = peer.block(
              Http2Peer::request("GET", "/", {{"x-bomb", std::string(2500, 'x')}}));
          if (round > 0) block += std::string(15'000, '\xbe');  // the newest entry
          return frame(FrameType::headers, flag::end_headers | flag::end_stream, stream_of(round),
                       block);
        }) == enhance_your_calm);
}

TEST_CASE("floods of frames that serve no request (CVE-2019-9512 to 9518)") {
  Besieged besieged;
  const auto open = [](Http2Peer& peer, int round) {
    return round == 0 ? peer.head(1, Http2Peer::request("POST", "/"), false) : std::string();
  };
  SUBCASE("SETTINGS") {
    CHECK(outcome(besieged.bed, [](Http2Peer&, int) {
            return frame(FrameType::settings, 0, 0, setting(4, 65'535));
          }) == enhance_your_calm);
  }
  SUBCASE("PING") {
    CHECK(outcome(besieged.bed, [](Http2Peer&, int) {
            return frame(FrameType::ping, 0, 0, "12345678");
          }) == enhance_your_calm);
  }
  SUBCASE("empty DATA") {
    CHECK(outcome(besieged.bed, [&](Http2Peer& peer, int round) {
            return open(peer, round) + frame(FrameType::data, 0, 1);
          }) == enhance_your_calm);
  }
  SUBCASE("DATA of padding alone") {
    CHECK(outcome(besieged.bed, [&](Http2Peer& peer, int round) {
            return open(peer, round) + frame(FrameType::data, 8, 1, std::string("\x03\0\0\0", 4));
          }) == enhance_your_calm);
  }
  SUBCASE("WINDOW_UPDATE") {
    CHECK(outcome(besieged.bed, [](Http2Peer&, int) {
            return frame(FrameType::window_update, 0, 0, be32(1));
          }) == enhance_your_calm);
  }
  SUBCASE("PRIORITY") {
    CHECK(outcome(besieged.bed, [](Http2Peer&, int round) {
            return frame(FrameType::priority, 0, stream_of(round) + 2, be32(1) + "x");
          }) == enhance_your_calm);
  }
  SUBCASE("frames of unknown types") {
    CHECK(outcome(besieged.bed, [](Http2Peer&, int) {
            return frame(static_cast<FrameType>(0xfa), 0, 0, "?");
          }) == enhance_your_calm);
  }
  SUBCASE("HEADERS with an empty name") {
    CHECK(outcome(besieged.bed, [](Http2Peer& peer, int round) {
            return peer.head(stream_of(round), Http2Peer::request("GET", "/", {{"", ""}}));
          }) == enhance_your_calm);
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
  CHECK(outcome(besieged.bed, [&](Http2Peer& other, int round) {
          return other.head(stream_of(round), held);
        }) > 0);
}

TEST_CASE("windows that are opened byte by byte (CVE-2019-9511)") {
  Besieged besieged;
  CHECK(outcome(
            besieged.bed,
            [](Http2Peer& peer, int round) {
              if (round == 0)
                return peer.head(1, Http2Peer::request("GET", "/" + std::string(2000, 'x')));
              return frame(FrameType::window_update, 0, 1, be32(1));
            },
            1, setting(4, 0)) == enhance_your_calm);
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
  CHECK(outcome(bed, [](Http2Peer&, int) {
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
