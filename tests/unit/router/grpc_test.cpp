// SPDX-License-Identifier: Apache-2.0
//
// gRPC: requests that go to the replica by HTTP/2, trailers and all.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

/// A server that speaks HTTP/2 alone: `serve` is called for each connection.
Server::Serve by_http2(std::function<void(Http2Peer&)> serve) {
  return [serve = std::move(serve)](Peer& peer) {
    Http2Peer other(std::move(peer), Http2Peer::AsServer{});
    serve(other);
    peer = std::move(other.peer());
  };
}

std::string message(std::string_view text) {
  return std::string(1, '\0') + be32(static_cast<std::uint32_t>(text.size())) + std::string(text);
}

FieldList call(std::string_view path) {
  return Http2Peer::request("POST", path, {{"content-type", "application/grpc+proto"},
                                           {"te", "trailers"},
                                           {"grpc-timeout", "5S"}});
}

/// Answers each call with its path and what it was sent.
void echo(Http2Peer& peer) {
  for (std::int32_t stream = 1;; stream += 2) {
    const Answer& request = peer.answer(stream);
    if (!request.ended) return;
    std::string body;
    for (std::size_t at = 0; at < request.body.size(); at += 16'000)
      body += frame(FrameType::data, 0, stream, request.body.substr(at, 16'000));
    peer.send(peer.head(stream, {{":status", "200"}, {"content-type", "application/grpc"}}, false) +
              body +
              peer.head(stream, {{"grpc-status", "0"},
                                 {"grpc-message", request.field(":path")},
                                 {"x-te", request.field("te")},
                                 {"x-for", request.field("x-forwarded-for")}}));
  }
}

}  // namespace

TEST_CASE("a call of gRPC passes by HTTP/2 on both sides, and connections are used again") {
  Server server(by_http2(echo));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  for (std::int32_t stream = 1; stream < 40; stream += 2) {
    client.send(client.head(stream, call("/greeter/Hello"), false) +
                frame(FrameType::data, flag::end_stream, stream, message("hello")));
    const Answer& answer = client.answer(stream);
    CHECK(answer.status() == 200);
    CHECK(answer.body == message("hello"));
    CHECK(answer.trailers == FieldList{{"grpc-status", "0"},
                                       {"grpc-message", "/greeter/Hello"},
                                       {"x-te", "trailers"},
                                       {"x-for", "127.0.0.1"}});
  }
  CHECK(server.connections() == 1);
  CHECK(bed.log_lines(20)[19].find("path=\"/greeter/Hello\"") != std::string::npos);
}

TEST_CASE("a call streams in both directions at once") {
  Server server(by_http2([](Http2Peer& peer) {
    std::size_t answered = 0;
    bool begun = false;
    while (peer.read()) {
      const Answer& request = peer.so_far(1);
      if (!begun && !request.fields.empty()) {
        begun = true;
        peer.send(peer.head(1, {{":status", "200"}, {"content-type", "application/grpc"}}, false));
      }
      if (request.body.size() > answered) {
        peer.send(frame(FrameType::data, 0, 1, request.body.substr(answered)));
        answered = request.body.size();
      }
      if (request.ended) {
        peer.send(peer.head(1, {{"grpc-status", "0"}}));
        return;
      }
    }
  }));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, call("/chat"), false));
  REQUIRE(client.read_until([&] { return client.so_far(1).status() == 200; }));
  std::string said;
  for (int i = 0; i < 50; ++i) {
    const std::string part = message("part " + std::to_string(i));
    client.send(frame(FrameType::data, 0, 1, part));
    said += part;
    REQUIRE(client.read_until([&] { return client.so_far(1).body == said; }));
  }
  client.send(frame(FrameType::data, flag::end_stream, 1));
  CHECK(client.answer(1).trailers == FieldList{{"grpc-status", "0"}});
}

TEST_CASE("an error of gRPC without a body stays one, a cancelled call is cancelled") {
  std::atomic<bool> gone{false};
  std::atomic<int> calls{0};
  Server server(by_http2([&](Http2Peer& peer) {
    bool slow = false;  // a call that is answered before it has ended costs its connection
    for (std::int32_t stream = 1;
         peer.read_until([&] { return !peer.so_far(stream).fields.empty(); }); stream += 2) {
      ++calls;
      slow = peer.so_far(stream).field(":path") == "/slow";
      if (!slow) peer.send(peer.head(stream, {{":status", "200"}, {"grpc-status", "12"}}));
    }
    if (slow) gone = true;
  }));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, call("/error"), false) +
              frame(FrameType::data, flag::end_stream, 1, message("x")));
  const Answer& error = client.answer(1);
  CHECK(error.fields == FieldList{{":status", "200"}, {"grpc-status", "12"}, {"via", "1.1 berth"}});
  CHECK(error.trailers.empty());
  CHECK(error.body.empty());
  client.send(client.head(3, call("/slow"), false));
  REQUIRE(eventually([&] { return calls == 2; }));
  client.send(frame(FrameType::rst_stream, 0, 3, be32(8)));
  CHECK(eventually([&] { return gone.load(); }));
}

TEST_CASE("large messages pass windows of both sides") {
  Server server(by_http2(echo));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client(), setting(4, 20'000));
  const std::string large = message(std::string(1'000'000, 'x'));
  client.send(client.head(1, call("/large"), false));
  std::int64_t stream_window = 65'535;
  std::int64_t connection_window = 65'535;
  for (std::size_t at = 0; at < large.size();) {
    while (stream_window < 16'000 || connection_window < 16'000) {
      const auto read = client.read();
      REQUIRE(read);
      if (read->type != FrameType::window_update) continue;
      (read->stream == 0 ? connection_window : stream_window) += read->number_at(0);
    }
    const std::string part = large.substr(at, 16'000);
    at += part.size();
    stream_window -= static_cast<std::int64_t>(part.size());
    connection_window -= static_cast<std::int64_t>(part.size());
    client.send(frame(FrameType::data, at == large.size() ? flag::end_stream : 0, 1, part));
  }
  CHECK(client.answer(1).body == large);
}

TEST_CASE("an app that speaks HTTP/1.1 alone is told of as the cause") {
  Server server([](Peer& peer) {
    static_cast<void>(peer.read_until("\r\n\r\n"));
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    static_cast<void>(peer.read_all());
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, call("/x"), false) +
              frame(FrameType::data, flag::end_stream, 1, message("x")));
  const Answer& answer = client.answer(1);
  CHECK(answer.field("x-berth-error") == "H17");
  CHECK(answer.body.find("the app does not speak HTTP/2") != std::string::npos);
}

TEST_CASE("a replica that is not there, or gives a call up, is an answer of the router's") {
  DeadPort dead;
  Bed bed;
  bed.put("running", {{"r-1", dead.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, call("/x"), true));
  CHECK(client.answer(1).field("x-berth-error") == "H21");
  Server server(by_http2([](Http2Peer& peer) {
    static_cast<void>(peer.read_until([&] { return !peer.so_far(1).fields.empty(); }));
    peer.send(frame(FrameType::rst_stream, 0, 1, be32(2)));
    while (peer.read()) {
    }
  }));
  bed.put("running", {{"r-2", server.port()}});
  client.send(client.head(3, call("/x"), true));
  CHECK(client.answer(3).field("x-berth-error") == "H13");
}

TEST_CASE("gRPC-Web, which HTTP/1.1 can carry, goes by it") {
  Server server(answer_with("1.1 "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(
      1, Http2Peer::request("POST", "/", {{"content-type", "application/grpc-web+proto"}})));
  CHECK(client.answer(1).body == "1.1 /");
}

}  // namespace berth::router::test
