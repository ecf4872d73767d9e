// SPDX-License-Identifier: Apache-2.0
//
// Replicas and clients that fail, hang, or send what they should not; tunnels; slow readers.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <regex>
#include <thread>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

std::string outcome(Bed& bed, std::string_view request = get("/")) {
  Peer client = bed.client();
  client.send(request);
  const auto answer = client.read_message();
  return answer.header("x-berth-error") + " " + std::to_string(answer.status());
}

std::size_t resident_kib() {
  const auto status = read_file("/proc/self/statm");
  unsigned long size = 0, resident = 0;
  REQUIRE(std::sscanf(status->c_str(), "%lu %lu", &size, &resident) == 2);
  return resident * 4;
}

}  // namespace

TEST_CASE("a replica that does not begin to answer in time is H12") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    CHECK(peer.read_all().empty());  // until the router gives up
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"first_byte_timeout_ms", 100}});
  Peer client = bed.client();
  client.send(get("/"));
  const auto answer = client.read_message();
  CHECK(answer.header("x-berth-error") == "H12");
  CHECK(answer.status() == 503);
  const std::string times = answer.header("server-timing");
  CHECK_MESSAGE(std::regex_match(times, std::regex("connect;dur=[0-9]+[.][0-9]{3}, first_byte;dur="
                                                   "[0-9]{3,}[.][0-9]{3}, total;dur=[0-9.]+")),
                times);
  CHECK(bed.log_lines(1)[0].find("at=error code=H12 desc=\"Request timeout\" method=GET") !=
        std::string::npos);
}

TEST_CASE("a replica that closes without an answer is H13, and a POST is not sent twice") {
  std::atomic<int> requests{0};
  Server server([&](Peer& peer) {
    if (!peer.read_message().head.empty()) ++requests;
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  CHECK(outcome(bed, "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 2\r\n\r\nhi") ==
        "H13 503");
  CHECK(requests == 1);
}

TEST_CASE("a GET on a kept connection that dies before the answer is sent again") {
  std::atomic<int> served{0};
  Server server([&](Peer& peer) {
    // The first connection answers once and dies on the second request.
    CHECK_FALSE(peer.read_message().head.empty());
    const int number = ++served;
    peer.send(response("ok"));
    if (number == 1) {
      CHECK_FALSE(peer.read_message().head.empty());
      peer.reset();
      return;
    }
    while (!peer.read_message().head.empty()) peer.send(response("ok"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    CHECK(client.read_message().body == "ok");
  }
  CHECK(server.connections() == 2);
}

TEST_CASE("a connection that breaks off in the middle of the answer is cut for the client: H18") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(client.read_all().ends_with("only this"));
  CHECK(bed.log_lines(1)[0].find("code=H18") != std::string::npos);
}

TEST_CASE("an answer that stops for longer than the idle timeout is cut: H15") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    CHECK(peer.read_all().empty());
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"idle_timeout_ms", 100}});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(client.read_all().ends_with("hello\r\n"));
  CHECK(bed.log_lines(1)[0].find("code=H15") != std::string::npos);
}

TEST_CASE("a client that reads nothing is reset, so that the kernel keeps nothing for it: H15") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    peer.send(response(std::string(64 << 20, 'x')));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"idle_timeout_ms", 100}});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(bed.log_lines(1)[0].find("code=H15") != std::string::npos);
  // An end in good order would come behind all that was sent, which is not read.
  CHECK(eventually([&] {
    pollfd gone{.fd = client.fd(), .events = 0, .revents = 0};
    return ::poll(&gone, 1, 0) == 1 && (gone.revents & POLLERR) != 0;
  }));
}

TEST_CASE("garbage instead of an answer is H17") {
  for (const char* garbage :
       {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"}) {
    Server server([&](Peer& peer) {
      CHECK_FALSE(peer.read_message().head.empty());
      peer.send(garbage);
    });
    Bed bed;
    bed.put("running", {{"r-1", server.port()}});
    CHECK(outcome(bed) == "H17 503");
  }
}

TEST_CASE("a refused connection with no other replica is H21, or H10 when the app has crashed") {
  DeadPort dead;
  Bed bed;
  bed.put("running", {{"r-1", dead.port()}});
  CHECK(outcome(bed) == "H21 503");
  bed.put("crashed", {{"r-1", dead.port()}});
  CHECK(outcome(bed) == "H10 503");
}

TEST_CASE("a client that goes away while it waits ends the request at the replica") {
  std::atomic<bool> received{false};
  std::atomic<bool> noticed{false};
  Server server([&](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    received = true;
    CHECK(peer.read_all().empty());
    noticed = true;
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(eventually([&] { return received.load(); }));
  client.close();
  CHECK(eventually([&] { return noticed.load(); }));
  CHECK(bed.log_lines(1)[0].find("code=H27") != std::string::npos);
}

TEST_CASE("what is left of an answer whose client went away never reaches another client") {
  Server server([&](Peer& peer) {
    const bool is_long = peer.read_message().head.starts_with("GET /long ");
    peer.send(is_long ? "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf" : response("own"));
    if (is_long && !peer.read_message().head.empty()) peer.send("rest");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/long"));
  CHECK_FALSE(client.read_until("half").empty());
  client.close();
  CHECK(bed.log_lines(1)[0].find("code=H27") != std::string::npos);
  Peer other = bed.client();
  other.send(get("/"));
  CHECK(other.read_message().body == "own");
  CHECK(server.connections() == 2);
}

TEST_CASE("a client that stops in the middle of its request is let go: H28") {
  Server server([](Peer& peer) { CHECK(peer.read_message().body.size() < 100); });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}}, {{"idle_timeout_ms", 100}});
  Peer client = bed.client();
  client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 100\r\n\r\nhalf");
  CHECK(client.read_all().empty());
  CHECK(bed.log_lines(1)[0].find("code=H28") != std::string::npos);
}

TEST_CASE("an early answer to an unfinished upload reaches the client") {
  Server server([](Peer& peer) {
    CHECK_FALSE(peer.read_until("\r\n\r\n").empty());
    peer.send(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 100000000\r\n\r\n" +
              std::string(100'000, 'x'));
  const auto answer = client.read_message();
  CHECK(answer.status() == 413);
  CHECK(answer.body == "big");
  CHECK(client.read_all().empty());
}

TEST_CASE("a slow head is refused with 408, an idle client is closed") {
  Bed bed(1, [](Options& options) {
    options.head_timeout = 100ms;
    options.client_idle_timeout = 100ms;
  });
  Peer slow = bed.client();
  slow.send("GET / HT");
  CHECK(slow.read_message().status() == 408);
  Peer idle = bed.client();
  CHECK(idle.read_all().empty());
}

TEST_CASE("what two parsers could read differently is refused and not forwarded") {
  Server server(answer_with("smuggled "));
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 6\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: "
      "hello.localhost\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(answer.find("smuggled") == std::string::npos);
  CHECK(server.connections() == 0);
}

TEST_CASE("an invalid chunk after a good beginning ends the request") {
  Server server([](Peer& peer) { CHECK(peer.read_all().find("zz") == std::string::npos); });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(eventually([&] { return server.connections() == 1; }));
  client.send("zz\r\n");
  CHECK(client.read_all().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("bytes behind an answer are not taken for the next one") {
  Server server([](Peer& peer) {
    while (!peer.read_message().head.empty())
      peer.send(response("good") + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  for (int i = 0; i < 5; ++i) {
    client.send(get("/"));
    CHECK(client.read_message().body == "good");
  }
}

TEST_CASE("an upgraded connection is a tunnel in both directions, half-closed at each end") {
  Server server([](Peer& peer) {
    const std::string head = peer.read_until("\r\n\r\n");
    CHECK(head.find("Connection: Upgrade\r\nUpgrade: websocket\r\n") != std::string::npos);
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\nfirst");
    CHECK(peer.read_exactly(5) == "early");
    for (std::string text; !(text = peer.read_exactly(4)).empty();) peer.send(text);
    peer.send("bye");
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  client.send(get("/", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n") + "early");
  const auto answer = client.read_message(false);
  CHECK(answer.status() == 101);
  CHECK(answer.header("upgrade") == "websocket");
  CHECK(client.read_exactly(5) == "first");
  for (int i = 0; i < 100; ++i) {
    client.send("ping");
    REQUIRE(client.read_exactly(4) == "ping");
  }
  client.end_sending();
  CHECK(client.read_all() == "bye");
  CHECK(bed.log_lines(1)[0].find("status=101") != std::string::npos);
}

TEST_CASE("a large answer to a slow reader is whole, and the router keeps little of it") {
  constexpr std::size_t size = 48 << 20;
  static constexpr int small = 64 * 1024;
  std::atomic<std::size_t> written{0};
  Server server([&](Peer& peer) {
    CHECK_FALSE(peer.read_message().head.empty());
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    std::string block(1 << 16, 'a');
    for (std::size_t i = 0; i < size; i += block.size()) {
      block[0] = static_cast<char>('a' + i / block.size() % 26);
      if (!peer.send(block)) return;
      written += block.size();
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const std::size_t before = resident_kib();
  client.send(get("/"));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  // The writer comes to a stand: all that lies between is what kernel buffers and one of ours hold.
  std::size_t last = 1;
  CHECK(eventually(
      [&] { return std::exchange(last, written.load()) == written.load() && last > 0; }));
  CHECK(last < 3 << 20);
  CHECK(resident_kib() < before + 4096);
  for (std::size_t i = 0; i < size; i += 1 << 16) {
    const std::string block = client.read_exactly(1 << 16);
    REQUIRE(block.size() == 1 << 16);
    REQUIRE(block[0] == static_cast<char>('a' + i / (1 << 16) % 26));
  }
}

TEST_CASE("a large upload to a slow replica is whole") {
  constexpr std::size_t size = 24 << 20;
  std::atomic<bool> go{false};
  Server server([&](Peer& peer) {
    CHECK_FALSE(peer.read_until("\r\n\r\n").empty());
    CHECK(eventually([&] { return go.load(); }));
    CHECK(peer.read_exactly(size) == std::string(size, 'u'));
    peer.send(response("whole"));
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  Peer client = bed.client();
  std::thread sender([&] {
    client.send("PUT / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: " +
                std::to_string(size) + "\r\n\r\n");
    client.send(std::string(size, 'u'));
  });
  CHECK(eventually([&] { return server.connections() == 1; }));
  go = true;
  sender.join();
  CHECK(client.read_message().body == "whole");
}

TEST_CASE("a killed replica costs only the requests that it had begun") {
  auto victim = std::make_unique<Server>(answer_with("victim"));
  Server other(answer_with("other"));
  Bed bed(2);
  bed.put("running", {{"r-1", victim->port()}, {"r-2", other.port()}});
  std::atomic<bool> stop{false};
  std::atomic<int> sent{0}, good{0}, failed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      Peer client = bed.client();
      while (!stop) {
        ++sent;
        client.send(get("/"));
        const auto answer = client.read_message();
        if (answer.status() == 200) {
          ++good;
        } else {
          ++failed;
          if (answer.status() == 0) client = bed.client();
        }
      }
    });
  }
  CHECK(eventually([&] { return good > 500; }));
  victim->kill();
  const int at_kill = good;
  CHECK(eventually([&] { return good > at_kill + 500; }));
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(sent == good + failed);
  CHECK(failed <= 6);  // one a client at most was in flight on it
}

}  // namespace berth::router::test
