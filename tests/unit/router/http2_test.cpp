// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 through a running router.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

/// Answers with what it got: the head as the body, or the body itself for POST.
void echo(Peer& peer) {
  for (;;) {
    const Peer::Message request = peer.read_message();
    if (request.head.empty()) return;
    const bool has_body = request.head.starts_with("POST");
    if (!peer.send(response(has_body ? request.body : request.head))) return;
  }
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string repeated;
  for (std::size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

constexpr std::uint32_t protocol_error = 1;
constexpr std::uint32_t no_error = 0;

}  // namespace

TEST_CASE("a request by HTTP/2 reaches the app as one of HTTP/1.1, and is logged as any other") {
  Server server(echo);
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  const Answer& answer = client.answer(client.get(
      "/a?b=c", {{"accept", "text/html"}, {"cookie", "a=1"}, {"x-tag", "t"}, {"cookie", "b=2"}}));
  CHECK(answer.status() == 200);
  CHECK(answer.field("via") == "1.1 berth");
  CHECK(answer.body.starts_with("GET /a?b=c HTTP/1.1\r\nHost: hello.localhost\r\n"));
  CHECK(answer.body.find("\r\ncookie: a=1; b=2\r\n") != std::string::npos);
  CHECK(answer.body.find("\r\nx-tag: t\r\n") != std::string::npos);
  CHECK(answer.body.find("\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n") !=
        std::string::npos);
  CHECK(answer.body.find("\r\nVia: 2.0 berth\r\n") != std::string::npos);
  CHECK(answer.body.find("Content-Length") == std::string::npos);
  CHECK(answer.body.find("chunked") == std::string::npos);
  const std::string line = bed.log_lines(1).at(0);
  CHECK(line.find("method=GET path=\"/a?b=c\" host=hello.localhost") != std::string::npos);
  CHECK(line.find("status=200") != std::string::npos);
}

TEST_CASE("many streams of a connection are answered, each with its own") {
  Server server(answer_with("for "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int32_t> streams;
    for (int i = 0; i < 50; ++i) streams.push_back(client.get("/" + std::to_string(i)));
    for (int i = 0; i < 50; ++i) {
      const Answer& answer = client.answer(streams[static_cast<std::size_t>(i)]);
      CHECK(answer.body == "for /" + std::to_string(i));
    }
  }
  CHECK(server.connections() <= 51);
}

TEST_CASE("a body that came with its head is given its length, a later one is chunked") {
  Server server([](Peer& peer) {
    for (;;) {
      const Peer::Message request = peer.read_message();
      if (request.head.empty()) return;
      peer.send(response(request.header("content-length") + "|" +
                         request.header("transfer-encoding") + "|" + request.body));
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, Http2Peer::request("POST", "/"), false) +
              frame(FrameType::data, 0, 1, "hello ") +
              frame(FrameType::data, flag::end_stream, 1, "world"));
  CHECK(client.answer(1).body == "11||hello world");

  client.send(client.head(3, Http2Peer::request("POST", "/"), false) +
              frame(FrameType::data, 0, 3, "hello "));
  REQUIRE(client.sync());
  client.send(frame(FrameType::data, 0, 3, "wor"));
  REQUIRE(client.sync());
  client.send(frame(FrameType::data, flag::end_stream, 3, "ld"));
  CHECK(client.answer(3).body ==
        "|chunked|6\r\nhello \r\n3\r\nwor\r\n2\r\nld\r\n0\r\n\r\n");

  client.send(client.head(5, Http2Peer::request("POST", "/", {{"content-length", "5"}}), false));
  REQUIRE(client.sync());
  client.send(frame(FrameType::data, 0, 5, "hello") + frame(FrameType::data, flag::end_stream, 5));
  CHECK(client.answer(5).body == "5||hello");
}

TEST_CASE("trailers pass in both directions") {
  Server server([](Peer& peer) {
    static_cast<void>(peer.read_until("\r\n\r\n"));
    const std::string body = peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n" +
              std::string("4\r\nbody\r\n0\r\nGrpc-Status: 0\r\nX-Got: ") +
              (body.find("0\r\nx-sum: 7\r\n\r\n") != std::string::npos ? "yes" : "no") +
              "\r\nContent-Length: 9\r\n\r\n");
    static_cast<void>(peer.read_all());
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, Http2Peer::request("POST", "/"), false) +
              frame(FrameType::data, 0, 1, "x"));
  REQUIRE(client.sync());
  client.send(client.head(1, {{"x-sum", "7"}, {"host", "other"}}));
  const Answer& answer = client.answer(1);
  CHECK(answer.body == "body");
  CHECK(answer.trailers == FieldList{{"grpc-status", "0"}, {"x-got", "yes"}});
  CHECK(answer.field("transfer-encoding").empty());
}

TEST_CASE("a client that says that it goes, and goes on talking, is not cut off") {
  Bed bed;
  Http2Peer client(bed.client());
  REQUIRE(client.sync());
  client.send(frame(FrameType::goaway, 0, 0, be32(0) + be32(0)));
  while (client.read()) {
  }
  client.send(frame(FrameType::ping, 0, 0, "whatever"));
  int error = 0;
  socklen_t size = sizeof error;
  REQUIRE(::getsockopt(client.peer().fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
  CHECK(error == 0);
}

TEST_CASE("a large answer comes whole through small windows, and a large request, too") {
  const std::string large = repeat("0123456789abcdef", 1 << 16);
  Server server([&](Peer& peer) {
    for (;;) {
      const Peer::Message request = peer.read_message();
      if (request.head.empty()) return;
      peer.send(response(request.head.starts_with("POST") ? request.body : large));
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client(), setting(4, 5000));
  const std::int32_t first = client.get("/");
  const std::int32_t second = client.get("/");
  CHECK(client.answer(first).body == large);
  CHECK(client.answer(second).body == large);
  // The router's windows: 64 KiB a stream.
  const std::string part = large.substr(0, 60'000);
  std::string body;
  for (std::size_t at = 0; at < part.size(); at += 15'000)
    body += frame(FrameType::data, at + 15'000 == part.size() ? flag::end_stream : 0, 5,
                  part.substr(at, 15'000));
  const FieldList post = Http2Peer::request("POST", "/", {{"content-length", "60000"}});
  client.send(client.head(5, post, false) + body);
  CHECK(client.answer(5).body == part);
}

TEST_CASE("an answer waits for larger windows than it was left, but not for long") {
  Server server(always(std::string(1 << 20, 'x')));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.gives_windows = false;
  const int on = 1;
  ::setsockopt(client.peer().fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto next_data = [&] {
    std::optional<Frame> frame = client.read();
    while (frame && frame->type != FrameType::data) frame = client.read();
    REQUIRE(frame);
    return frame->payload.size();
  };
  const auto open_windows = [&](std::uint32_t size) {
    client.send(frame(FrameType::window_update, 0, 0, be32(size)) +
                frame(FrameType::window_update, 0, 1, be32(size)));
  };
  client.get("/");
  for (std::size_t got = 0; got < 65'535;) got += next_data();
  // What comes little by little goes out together, unless this test was slower than the router is
  // patient: then it went out alone.
  bool together = false;
  for (int tries = 0; tries < 20 && !together; ++tries) {
    const std::size_t before = client.so_far(1).body.size();
    open_windows(100);
    REQUIRE(client.sync());
    together = client.so_far(1).body.size() == before;
    open_windows(8000);
    together = next_data() > 100 && together;
    while (client.so_far(1).body.size() < before + 8100) next_data();
  }
  CHECK(together);
  // Nothing else comes: it goes out.
  open_windows(100);
  CHECK(next_data() == 100);
}

TEST_CASE("what a replica does not take is not asked for, and no other stream waits for it") {
  std::promise<void> go_on;
  Server server([&, taken = go_on.get_future().share()](Peer& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.starts_with("GET")) {
      peer.send(response("other", "Connection: close\r\n"));
      return;
    }
    taken.wait();
    std::size_t size = 0;
    for (std::string line; (line = peer.read_until("\r\n")) != "0\r\n";) {
      const std::size_t chunk = std::strtoull(line.c_str(), nullptr, 16);
      size += peer.read_exactly(chunk + 2).size() - 2;
    }
    static_cast<void>(peer.read_until("\r\n"));
    peer.send(response(std::to_string(size)));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, Http2Peer::request("POST", "/"), false));
  std::int64_t window = 65'535;
  std::int64_t sent = 0;
  std::int64_t connection_window = 0;
  const std::string data(10'000, 'x');
  const auto take_windows = [&](const Frame& read) {
    if (read.type != FrameType::window_update) return;
    (read.stream == 1 ? window : connection_window) += read.number_at(0);
  };
  // Until the router gives no more: what the kernel's buffers hold, and a window.
  for (;;) {
    while (window >= 10'000) {
      client.send(frame(FrameType::data, 0, 1, data));
      window -= 10'000;
      sent += 10'000;
    }
    client.send(frame(FrameType::ping, 0, 0, "12345678"));
    bool more = false;
    for (;;) {
      const auto read = client.read();
      REQUIRE(read);
      take_windows(*read);
      if (read->type == FrameType::ping) break;
    }
    more = window >= 10'000;
    if (!more && client.so_far(1).fields.empty()) break;
  }
  CHECK(sent < 30'000'000);
  client.send(client.head(3, Http2Peer::request("GET", "/")));
  CHECK(client.answer(3).body == "other");
  go_on.set_value();
  client.send(frame(FrameType::data, flag::end_stream, 1));
  CHECK(client.answer(1).body == std::to_string(sent));
}

TEST_CASE("a cancelled stream ends its request at the replica, and no other") {
  std::promise<void> gone;
  std::atomic<int> requests{0};
  Server server([&](Peer& peer) {
    const Peer::Message request = peer.read_message();
    if (request.head.starts_with("GET /slow")) {
      ++requests;
      static_cast<void>(peer.read_all());
      gone.set_value();
      return;
    }
    peer.send(response("fast", "Connection: close\r\n"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  const std::int32_t slow = client.get("/slow");
  REQUIRE(eventually([&] { return requests == 1; }));
  client.send(frame(FrameType::rst_stream, 0, slow, be32(8)));
  CHECK(gone.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(bed.log_lines(1)[0].find("code=H27") != std::string::npos);
  CHECK(client.answer(client.get("/")).body == "fast");
}

TEST_CASE("a request that is cancelled in the same breath never reaches a replica") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  std::string frames;
  for (std::int32_t stream = 1; stream < 200; stream += 2)
    frames += client.head(stream, Http2Peer::request("GET", "/")) +
              frame(FrameType::rst_stream, 0, stream, be32(8));
  client.send(frames);
  REQUIRE(client.sync());
  CHECK(server.connections() <= 2);  // of a stream whose two frames two reads have cut apart
}

TEST_CASE("an answer that breaks off resets its stream alone") {
  Server server([](Peer& peer) {
    const Peer::Message request = peer.read_message();
    if (request.head.starts_with("GET /cut")) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      return;
    }
    peer.send(response("whole", "Connection: close\r\n"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  const Answer& cut = client.answer(client.get("/cut"));
  CHECK(cut.status() == 200);
  CHECK_FALSE(cut.ended);
  CHECK(cut.reset == 2);
  CHECK(client.answer(client.get("/")).body == "whole");
}

TEST_CASE("the router's own answers come by HTTP/2, too") {
  Bed bed;
  bed.put("crashed", {});
  Http2Peer client(bed.client());
  const Answer& crashed = client.answer(client.get("/", {{"accept", "application/json"}}));
  CHECK(crashed.status() == 503);
  CHECK(crashed.field("x-berth-error") == "H10");
  CHECK(crashed.field("content-type") == "application/json");
  CHECK(crashed.field("connection").empty());
  client.send(client.head(3, {{":method", "GET"},
                              {":scheme", "http"},
                              {":path", "/"},
                              {":authority", "nobody.localhost"}}));
  CHECK(client.answer(3).status() == 404);
  client.send(client.head(5, Http2Peer::request("HEAD", "/")));
  CHECK(client.answer(5).status() == 503);
  CHECK(client.answer(5).body.empty());
}

TEST_CASE("held requests of streams go on together when the app wakes") {
  Server server(answer_with("awake "));
  Bed bed;
  bed.put("asleep", {});
  Http2Peer client(bed.client());
  for (int i = 0; i < 10; ++i) client.get("/");
  REQUIRE_FALSE(bed.control->wait_for("wake").empty());
  bed.put("running", {{"r-1", server.port()}});
  for (std::int32_t stream = 1; stream < 20; stream += 2)
    CHECK(client.answer(stream).body == "awake /");
}

TEST_CASE("an answer before the request's end stops the rest of it without an error") {
  Server server([](Peer& peer) {
    static_cast<void>(peer.read_until("\r\n\r\n"));
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  client.send(client.head(1, Http2Peer::request("POST", "/"), false) +
              frame(FrameType::data, 0, 1, "part"));
  const Answer& answer = client.answer(1);
  CHECK(answer.status() == 413);
  CHECK(answer.body == "no!");
  CHECK(answer.ended);
  REQUIRE(client.read_until([&] { return answer.reset.has_value(); }));
  CHECK(answer.reset == no_error);
  CHECK(client.sync());
}

TEST_CASE("interim answers pass, and 204 and HEAD have no body") {
  Server server([](Peer& peer) {
    for (;;) {
      const Peer::Message request = peer.read_message();
      if (request.head.empty()) return;
      if (request.head.starts_with("HEAD"))
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      else
        peer.send(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
            "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nConnection: X-Hop\r\n"
            "X-Hop: 1\r\nX-Kept: 1\r\n\r\n");
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  const Answer& answer = client.answer(client.get("/"));
  CHECK(answer.interim == std::vector<int>{103});
  CHECK(answer.fields == FieldList{{":status", "204"}, {"x-kept", "1"}, {"via", "1.1 berth"}});
  client.send(client.head(3, Http2Peer::request("HEAD", "/")));
  CHECK(client.answer(3).field("content-length") == "1000");
  CHECK(client.answer(3).body.empty());
}

TEST_CASE("by TLS the protocol is chosen by ALPN, HTTP/2 first") {
  Server server(echo);
  Bed bed;
  const auto authority = CertificateAuthority::create("test", "localhost").value();
  bed.put_certificate("hello", {"hello.localhost"}, authority.issue("hello.localhost").value());
  bed.put("running", {{"r-1", server.port()}});
  Peer peer = bed.https_client();
  REQUIRE(peer.start_tls({.protocols = {"http/1.1", "h2"}}) == "");
  Http2Peer client(std::move(peer));
  const Answer& answer = client.answer(client.get("/"));
  CHECK(answer.body.find("X-Forwarded-Proto: https") != std::string::npos);
  CHECK(bed.log_lines(1)[0].ends_with(" protocol=https"));
  // A connection that chose HTTP/1.1 stays with it.
  Peer old = bed.https_client();
  REQUIRE(old.start_tls({.protocols = {"http/1.1"}}) == "");
  old.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  CHECK(old.read_message().status() == 505);
}

TEST_CASE("the preface of HTTP/2 is one at the beginning of a connection alone, in any pieces") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (std::size_t cut = 1; cut < preface.size(); ++cut) {
    Peer client = bed.client();
    client.send(preface.substr(0, cut));
    client.send(preface.substr(cut) + frame(FrameType::settings, 0, 0));
    CHECK(client.read_exactly(9).substr(3, 1) == std::string(1, '\x04'));
  }
  Peer second = bed.client();
  second.send(get("/") + preface);
  CHECK(second.read_message().body == "hi /");
  CHECK(second.read_message().status() == 505);
  Peer other = bed.client();
  other.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
  CHECK(other.read_message().status() == 505);
}

TEST_CASE("draining ends a connection of HTTP/2 after its last answer, and says so before") {
  std::promise<void> go_on;
  std::atomic<int> requests{0};
  Server server([&, told = go_on.get_future().share()](Peer& peer) {
    static_cast<void>(peer.read_message());
    ++requests;
    told.wait();
    peer.send(response("late"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer idle(bed.client());
  REQUIRE(idle.sync());
  Http2Peer client(bed.client());
  const std::int32_t stream = client.get("/");
  REQUIRE(eventually([&] { return requests == 1; }));
  std::thread stopping([&] { bed.router->stop(); });
  int goaways = 0;
  while (goaways == 0) {
    const auto read = client.read();
    REQUIRE(read);
    if (read->type == FrameType::goaway) ++goaways;
  }
  go_on.set_value();
  CHECK(client.answer(stream).body == "late");
  CHECK(client.goaway() == no_error);
  CHECK(idle.goaway() == no_error);
  stopping.join();
}

TEST_CASE("what HTTP/2 forbids in a request never becomes one of HTTP/1.1") {
  std::atomic<int> requests{0};
  Server server([&](Peer& peer) {
    while (!peer.read_message().head.empty()) {
      ++requests;
      peer.send(response("got it"));
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  const auto with = [](const FieldList& more) { return Http2Peer::request("GET", "/", more); };
  const std::vector<FieldList> bad{
      with({{"connection", "close"}}),
      with({{"transfer-encoding", "chunked"}}),
      with({{"keep-alive", "5"}}),
      with({{"proxy-connection", "close"}}),
      with({{"upgrade", "websocket"}}),
      with({{"te", "gzip"}}),
      with({{"X-Upper", "1"}}),
      with({{"x y", "1"}}),
      with({{"x:y", "1"}}),
      with({{"", "1"}}),
      with({{"x", "a\r\nTransfer-Encoding: chunked"}}),
      with({{"x", "a\nb"}}),
      with({{"x", std::string("a\0b", 3)}}),
      with({{"x\r\ny", "1"}}),
      with({{"host", "other.localhost"}}),
      with({{"content-length", "5"}}),  // with END_STREAM
      with({{"content-length", "0"}, {"content-length", "0"}}),
      with({{"content-length", "+0"}}),
      with({{"content_length", "0"}}),
      with({{":path", "/again"}}),
      with({{":status", "200"}}),
      with({{":unknown", "x"}}),
      with({{":protocol", "websocket"}}),
      Http2Peer::request("GET", ""),
      Http2Peer::request("GET", "http://hello.localhost/"),
      Http2Peer::request("GET", "x"),
      Http2Peer::request("GET", "/ HTTP/1.1\r\nx: y"),
      Http2Peer::request("GET", "/a b"),
      Http2Peer::request("", "/"),
      Http2Peer::request("G ET", "/"),
      Http2Peer::request("GET /x HTTP/1.1\r\n\r\n", "/"),
      Http2Peer::request("CONNECT", "/"),
      {{":method", "CONNECT"}, {":authority", "hello.localhost:80"}},
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "GET"}, {":path", "/"}, {":authority", "hello.localhost"}},
      {{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}, {":authority", "hello.localhost"}},
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "u@hello.local"}},
      {{":method", "GET"}, {"x", "y"}, {":scheme", "http"}, {":path", "/"},
       {":authority", "hello.localhost"}},
  };
  for (const FieldList& fields : bad) {
    Http2Peer client(bed.client());
    client.send(client.head(1, fields));
    const Answer& answer = client.answer(1);
    CAPTURE(answer.status());
    CAPTURE(fields.back().first + ": " + fields.back().second + " " + fields.front().second);
    CHECK((answer.reset == protocol_error || answer.reset == 2 || answer.status() / 100 == 4 ||
           client.goaway().has_value()));
    CHECK(answer.body != "got it");
  }
  CHECK(requests == 0);
  // A body that is shorter or longer than it was said to be is no whole one.
  for (const char* length : {"3", "7"}) {
    Http2Peer client(bed.client());
    const FieldList post = Http2Peer::request("POST", "/", {{"content-length", length}});
    client.send(client.head(1, post, false) +
                frame(FrameType::data, flag::end_stream, 1, "12345"));
    CHECK(client.answer(1).reset == protocol_error);
  }
  CHECK(requests == 0);
}

TEST_CASE("a head that is too large is refused, and the connection goes on") {
  Server server(answer_with("hi "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Http2Peer client(bed.client());
  CHECK(client.answer(client.get("/", {{"x-large", std::string(15'000, 'x')}})).status() == 200);
  const FieldList half = Http2Peer::request("GET", "/", {{"x", std::string(9'000, 'a')}});
  client.send(frame(FrameType::headers, flag::end_stream, 3, client.block(half)));
  client.send(frame(FrameType::continuation, flag::end_headers, 3,
                    client.block({{"y", std::string(9'000, 'b')}})));
  CHECK(client.answer(3).status() == 431);
  client.send(client.head(5, Http2Peer::request("GET", "/")));
  CHECK(client.answer(5).body == "hi /");
}

}  // namespace berth::router::test
