// SPDX-License-Identifier: Apache-2.0
//
// WebSocket over HTTP/2 (RFC 8441): an extended CONNECT becomes an upgrade at the replica.
#include <doctest/doctest.h>

#include <future>

#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

FieldList extended_connect(std::string_view protocol = "websocket") {
  return {{":method", "CONNECT"},
          {":protocol", std::string(protocol)},
          {":scheme", "http"},
          {":path", "/chat?room=1"},
          {":authority", "hello.localhost"},
          {"sec-websocket-version", "13"},
          {"origin", "http://hello.localhost"}};
}

}  // namespace

TEST_CASE("an extended CONNECT becomes an upgrade, and bytes pass both ways to both ends") {
  std::promise<std::string> told;
  Server server([&](Peer& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello");
    const std::string first = peer.read_exactly(4);
    peer.send("got " + first);
    told.set_value(head + peer.read_all());
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  REQUIRE(client.sync());
  CHECK(client.settings.at(8) == 1);  // ENABLE_CONNECT_PROTOCOL
  client.send(client.head(1, extended_connect(), false));
  REQUIRE(client.read_until([&] { return client.so_far(1).body == "hello"; }));
  CHECK(client.so_far(1).status() == 200);
  CHECK(client.so_far(1).field("sec-websocket-protocol") == "chat");
  CHECK(client.so_far(1).field("sec-websocket-accept").empty());
  CHECK(client.so_far(1).field("upgrade").empty());
  client.send(frame(FrameType::data, 0, 1, "ping"));
  REQUIRE(client.read_until([&] { return client.so_far(1).body == "hellogot ping"; }));
  client.send(frame(FrameType::data, 0, 1, "last ") +
              frame(FrameType::data, flag::end_stream, 1, "words"));
  const std::string heard = told.get_future().get();
  CHECK(heard.starts_with("GET /chat?room=1 HTTP/1.1\r\nHost: hello.localhost\r\n"));
  CHECK(heard.find("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n") != std::string::npos);
  CHECK(heard.find("\r\nsec-websocket-version: 13\r\n") != std::string::npos);
  CHECK(heard.find("Transfer-Encoding") == std::string::npos);
  CHECK(heard.ends_with("\r\n\r\nlast words"));
  CHECK(client.answer(1).ended);
  CHECK(bed.log_lines(1)[0].find("status=101") != std::string::npos);
}

TEST_CASE("the handshake that a replica gets is one of WebSocket, with a key of the router's") {
  std::promise<std::string> key;
  Server server([&](Peer& peer) {
    const Peer::Message request{peer.read_until("\r\n\r\n"), {}};
    key.set_value(request.header("sec-websocket-key"));
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    static_cast<void>(peer.read_all());
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  FieldList fields = extended_connect();
  fields.emplace_back("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  client.send(client.head(1, fields, false));
  const Answer& answer = client.answer(1);
  CHECK(answer.status() == 403);
  CHECK(answer.body == "no");
  const std::string sent = key.get_future().get();
  CHECK(sent.size() == 24);
  CHECK(sent.ends_with("=="));
  CHECK(sent != "dGhlIHNhbXBsZSBub25jZQ==");
  // Nobody reads what the client still sends.
  REQUIRE(client.read_until([&] { return answer.reset.has_value(); }));
  CHECK(answer.reset == 0U);
}

TEST_CASE("a tunnel ends with its stream, and other protocols get none") {
  std::promise<void> gone;
  Server server([&](Peer& peer) {
    static_cast<void>(peer.read_until("\r\n\r\n"));
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    static_cast<void>(peer.read_all());
    gone.set_value();
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, extended_connect("webtransport"), false));
  CHECK(client.answer(1).status() == 501);
  client.send(client.head(3, extended_connect(), false));
  REQUIRE(client.read_until([&] { return client.so_far(3).status() == 200; }));
  client.send(frame(FrameType::rst_stream, 0, 3, be32(8)));
  CHECK(gone.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(client.sync());
}

TEST_CASE("a switch that nobody asked for is an error of the app") {
  Server server([](Peer& peer) {
    static_cast<void>(peer.read_until("\r\n\r\n"));
    peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  CHECK(client.answer(client.get("/")).field("x-berth-error") == "H17");
}

}  // namespace berth::router::test
