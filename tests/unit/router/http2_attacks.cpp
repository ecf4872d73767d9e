// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/router/http2_attacks.hpp"

namespace berth::router::test {

namespace {

constexpr int rounds = 1000;

FieldList get() { return Http2Peer::request("GET", "/"); }

/// A request, and right behind it what makes the router cancel it.
Http2Attack provoked(std::string_view name, std::function<std::string(std::int32_t)> provoke) {
  return {"made you reset by " + std::string(name) + " (CVE-2025-8671)",
          [=](Http2Peer& peer, int round) {
            return peer.head(stream_of(round), get()) + provoke(stream_of(round));
          },
          {},
          true};
}

/// One header block that does not end.
Http2Attack continued(std::string_view name, std::function<FieldList(int)> fields) {
  return {"CONTINUATION without an end, " + std::string(name) + " (CVE-2024-28182)",
          [=](Http2Peer& peer, int round) {
            if (round == 0)
              return frame(FrameType::headers, flag::end_stream, 1, peer.block(get()));
            return frame(FrameType::continuation, 0, 1, peer.block(fields(round)));
          }};
}

/// The same frame again and again, which serves no request.
Http2Attack flood(std::string_view name, std::function<std::string(Http2Peer&, int)> frames) {
  return {"a flood of " + std::string(name) + " (CVE-2019-9512 to 9518)", std::move(frames)};
}

/// A flood on a stream whose request has not ended.
Http2Attack flood_of_body(std::string_view name, const std::string& data) {
  return flood(name, [=](Http2Peer& peer, int round) {
    return round == 0 ? peer.head(1, Http2Peer::request("POST", "/"), false) : data;
  });
}

/// A flood on a stream that the router has ended: its request, which is refused, never ends.
Http2Attack late(std::string_view name, std::function<std::string(Http2Peer&)> frames) {
  return flood("late " + std::string(name), [=](Http2Peer& peer, int round) {
    if (round > 0) return frames(peer);
    peer.send(peer.head(1, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"},
                            {":authority", "nobody.localhost"}}, false));
    return peer.answer(1).status() == 404 ? std::string() : std::string("no attack");
  });
}

std::vector<Http2Attack> make_attacks() {
  std::vector<Http2Attack> attacks;
  attacks.push_back({"rapid reset (CVE-2023-44487)", [](Http2Peer& peer, int round) {
                       return peer.head(stream_of(round), get()) +
                              frame(FrameType::rst_stream, 0, stream_of(round), be32(8));
                     }});

  attacks.push_back(provoked("an empty window update", [](std::int32_t stream) {
    return frame(FrameType::window_update, 0, stream, be32(0));
  }));
  attacks.push_back(provoked("too large a window", [](std::int32_t stream) {
    return frame(FrameType::window_update, 0, stream, be32(0x7fffffff));
  }));
  attacks.push_back(provoked("data after the end", [](std::int32_t stream) {
    return frame(FrameType::data, 0, stream, "unasked");
  }));
  attacks.push_back(provoked("a short PRIORITY", [](std::int32_t stream) {
    return frame(FrameType::priority, 0, stream, be32(1));
  }));

  attacks.push_back(continued("with fields", [](int round) {
    return FieldList{{"x" + std::to_string(round), "y"}};
  }));
  attacks.push_back(continued("empty", [](int) { return FieldList(); }));

  attacks.push_back(
      {"an HPACK bomb (CVE-2016-6581)", [](Http2Peer& peer, int round) {
         std::string block = peer.block(
             Http2Peer::request("GET", "/", {{"x-bomb", std::string(2500, 'x')}}));
         if (round > 0) block += std::string(15'000, '\xbe');  // the newest entry, a byte each
         return frame(FrameType::headers, flag::end_headers | flag::end_stream, stream_of(round),
                      block);
       }});

  attacks.push_back(flood("SETTINGS", [](Http2Peer&, int) {
    return frame(FrameType::settings, 0, 0, setting(4, 65'535));
  }));
  attacks.push_back(flood("PING", [](Http2Peer&, int) {
    return frame(FrameType::ping, 0, 0, "12345678");
  }));
  attacks.push_back(flood_of_body("empty DATA", frame(FrameType::data, 0, 1)));
  attacks.push_back(flood_of_body("DATA of padding alone",
                                  frame(FrameType::data, 8, 1, std::string("\x03\0\0\0", 4))));
  attacks.push_back(late("DATA", [](Http2Peer&) {
    return frame(FrameType::data, 0, 1, "late");
  }));
  attacks.push_back(late("HEADERS", [](Http2Peer& peer) {
    return peer.head(1, {{"x", "y"}});
  }));
  attacks.push_back(late("WINDOW_UPDATE", [](Http2Peer&) {
    return frame(FrameType::window_update, 0, 1, be32(1));
  }));
  attacks.push_back(late("RST_STREAM", [](Http2Peer&) {
    return frame(FrameType::rst_stream, 0, 1, be32(8));
  }));
  attacks.push_back(flood("WINDOW_UPDATE", [](Http2Peer&, int) {
    return frame(FrameType::window_update, 0, 0, be32(1));
  }));
  attacks.push_back(flood("PRIORITY", [](Http2Peer&, int round) {
    return frame(FrameType::priority, 0, stream_of(round) + 2, be32(1) + "x");
  }));
  attacks.push_back(flood("frames of unknown types", [](Http2Peer&, int) {
    return frame(static_cast<FrameType>(0xfa), 0, 0, "?");
  }));
  attacks.push_back(flood("HEADERS with an empty name", [](Http2Peer& peer, int round) {
    return peer.head(stream_of(round), Http2Peer::request("GET", "/", {{"", ""}}));
  }));

  attacks.push_back({"windows that are opened byte by byte (CVE-2019-9511)",
                     [](Http2Peer& peer, int round) {
                       if (round == 0)
                         return peer.head(
                             1, Http2Peer::request("GET", "/" + std::string(2000, 'x')));
                       return frame(FrameType::window_update, 0, 1, be32(1));
                     },
                     setting(4, 0)});
  return attacks;
}

}  // namespace

const std::vector<Http2Attack>& http2_attacks() {
  static const std::vector<Http2Attack> attacks = make_attacks();
  return attacks;
}

int outcome(Http2Peer& peer, const AttackFrames& frames) {
  for (int round = 0; round < rounds; ++round)
    if (!peer.send(frames(peer, round))) break;
  return static_cast<int>(peer.goaway().value_or(-1U));
}

int outcome_at_once(Http2Peer& peer, const AttackFrames& frames) {
  std::string all;
  for (int round = 0; round < rounds; ++round) all += frames(peer, round);
  peer.send(all);
  return static_cast<int>(peer.goaway().value_or(-1U));
}

}  // namespace berth::router::test
