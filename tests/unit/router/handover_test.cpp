// SPDX-License-Identifier: Apache-2.0
//
// A router takes the place of another that is in full flight: no connection is lost or refused, and
// a replica is drained when neither of them has a request on it.
#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <condition_variable>
#include <thread>

#include "router/handover.hpp"
#include "tests/unit/router/harness.hpp"
#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {
namespace {

/// A door that requests to /slow wait at.
class Door final {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  /// Until it is open.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, 10s, [&] { return open_; });
  }
  bool somebody_waits() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

Server::Serve serve_with(Door& door) {
  return [&door](Peer& peer) {
    for (;;) {
      const Peer::Message request = peer.read_message(false);
      if (request.head.empty()) return;
      if (request.head.starts_with("GET /echo")) {
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                  "Connection: Upgrade\r\n\r\n");
        for (std::string line; !(line = peer.read_until("\n")).empty();) peer.send(line);
        return;
      }
      if (request.head.starts_with("GET /slow")) door.pass();
      if (!peer.send(response("here"))) return;
    }
  };
}

TEST_CASE("a router is replaced: what is connected goes on, and no replica is drained too early") {
  std::atomic<bool> retired = false;
  Door door;
  Server old_replica(serve_with(door));
  Server new_replica(answer_with("new"));
  Bed bed(2, [&](Options& options) { options.on_retired = [&] { retired = true; }; });
  bed.put("running", {{"r-old", old_replica.port()}});
  Peer idle = bed.client();
  idle.send(get("/"));
  REQUIRE(idle.read_message().status() == 200);
  Peer tunnel = bed.client();
  tunnel.send(get("/echo", "Connection: Upgrade\r\nUpgrade: echo\r\n"));
  REQUIRE(tunnel.read_message(false).status() == 101);
  Peer slow = bed.client();
  slow.send(get("/slow"));
  REQUIRE(door.somebody_waits());

  bed.replace();
  CHECK(bed.router->ports() == bed.replaced.front()->ports());
  CHECK(bed.router->https_ports() == bed.replaced.front()->https_ports());

  // The table is the same from the first connection on, and changes reach both.
  const auto ask = [&] {
    Peer fresh = bed.client();
    fresh.send(get("/"));
    return fresh.read_message();
  };
  CHECK(ask().body == "here");
  bed.put("running", {{"r-new", new_replica.port()}});
  CHECK(ask().body.find("new") != std::string::npos);
  idle.send(get("/b"));
  const Peer::Message last = idle.read_message();
  CHECK(last.body.find("new") != std::string::npos);
  CHECK(last.header("connection") == "close");
  tunnel.send("still here\n");
  CHECK(tunnel.read_until("\n") == "still here\n");

  // Both have to be done with it: the slow request and the tunnel are the old router's.
  std::atomic<bool> released = false;
  std::thread waiting([&] {
    const json::object drained = bed.control->wait_for("drained");
    CHECK(optional_string(drained, "replica") == "r-old");
    CHECK(released);
  });
  tunnel.close();
  released = true;
  door.open();
  CHECK(slow.read_message().body == "here");
  waiting.join();
  CHECK(eventually([&] { return retired.load(); }));
  bed.replaced.front()->stop();
  CHECK(ask().status() == 200);
  CHECK(std::filesystem::exists(bed.options.control_socket));
}

TEST_CASE("requests on kept and new connections all succeed while routers replace each other") {
  Server replica(answer_with("fine"));
  Bed bed(2);
  bed.put("running", {{"r-1", replica.port()}});
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&, keeps = i % 2 == 0] {
      Peer peer = bed.client();
      while (!stop) {
        const bool sent = peer.send(get("/"));
        const Peer::Message answer = sent ? peer.read_message() : Peer::Message{};
        ++(answer.status() == 200 ? answered : failed);
        if (!keeps || answer.status() != 200 || answer.header("connection") == "close")
          peer = bed.client();
      }
    });
  for (int i = 0; i < 6; ++i) {
    const int before = answered;
    bed.replace();
    CHECK(eventually([&] { return answered > before + 200; }));
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(failed == 0);
}

TEST_CASE("a session of HTTP/2 is told to go elsewhere, and its request is answered first") {
  std::atomic<bool> retired = false;
  Door door;
  Server replica(serve_with(door));
  Bed bed(1, [&](Options& options) { options.on_retired = [&] { retired = true; }; });
  bed.put("running", {{"r-1", replica.port()}});
  Http2Peer peer(bed.client());
  const std::int32_t slow = peer.get("/slow");
  REQUIRE(door.somebody_waits());
  bed.replace();
  door.open();
  CHECK(peer.answer(slow).status() == 200);
  CHECK(peer.goaway() == 0U);
  CHECK(eventually([&] { return retired.load(); }));
}

TEST_CASE("routers that were replaced live as long as those after them, and end with the last") {
  std::atomic<int> retired = 0;
  Server replica(answer_with("fine"));
  Bed bed(1, [&](Options& options) { options.on_retired = [&] { ++retired; }; });
  bed.put("running", {{"r-1", replica.port()}});
  Peer of_first = bed.client();
  of_first.send(get("/"));
  REQUIRE(of_first.read_message().status() == 200);
  bed.replace();
  bed.replace();
  // The second has nothing connected, but the first has to hear of the table by it.
  Server other(answer_with("other"));
  bed.put("running", {{"r-2", other.port()}});
  CHECK(retired == 0);
  of_first.send(get("/"));
  CHECK(of_first.read_message().body.find("other") != std::string::npos);
  CHECK(eventually([&] { return retired == 1; }));
  bed.replaced.front()->stop();  // as its process does then
  CHECK(eventually([&] { return retired == 2; }));

  Peer idle = bed.client();
  idle.send(get("/"));
  REQUIRE(idle.read_message().status() == 200);
  bed.replace();
  bed.router.reset();
  CHECK(eventually([&] { return retired == 3; }));
}

TEST_CASE("a TLS session goes on at the next router") {
  Server replica(answer_with("fine"));
  Bed bed(1);
  bed.put("running", {{"r-1", replica.port()}});
  const auto authority = CertificateAuthority::create("test", "localhost").value();
  bed.put_certificate("hello", {"hello.localhost"}, authority.issue("hello.localhost").value(),
                      true);
  const auto visit = [&](std::shared_ptr<ssl_session_st> session) {
    Peer peer = bed.https_client();
    REQUIRE(peer.start_tls({.session = std::move(session)}) == "");
    peer.send(get("/"));
    REQUIRE(peer.read_message().status() == 200);
    return peer;
  };
  const Peer first = visit(nullptr);  // whose end would end its session, too
  CHECK(SSL_session_reused(first.tls()) == 0);
  for (int i = 0; i < 2; ++i) {
    bed.replace();
    CHECK(SSL_session_reused(visit(first.session()).tls()) == 1);
  }
}

TEST_CASE("who asks for a router's place and goes away changes nothing") {
  Server replica(answer_with("fine"));
  Bed bed(1);
  bed.put("running", {{"r-1", replica.port()}});
  {
    const auto asked = ask_for_handover(bed.options.control_socket);
    REQUIRE(asked.has_value());
    // One of HTTP, one of HTTPS, control and handover, and the keys of tickets.
    CHECK(asked->listeners.size() == 5);
    CHECK(asked->table.apps.contains("hello"));
  }
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(client.read_message().status() == 200);
  bed.put("running", {{"r-2", replica.port()}});  // its control connection is as it was
  bed.replace();
  Peer other = bed.client();
  other.send(get("/"));
  CHECK(other.read_message().status() == 200);
}

TEST_CASE("one that cannot start leaves the router that runs as it was, and its socket") {
  Server replica(answer_with("fine"));
  Bed bed(1);
  bed.put("running", {{"r-1", replica.port()}});
  Options wrong = bed.options;
  wrong.replace = true;
  wrong.trusted_proxies = {"nowhere"};
  CHECK(Router::start(wrong).has_error());
  bed.control = std::make_unique<ControlPlane>(bed.options.control_socket);
  CHECK_FALSE(bed.control->wait_for("hello").empty());
  bed.replace();
  Peer client = bed.client();
  client.send(get("/"));
  CHECK(client.read_message().status() == 200);
}

TEST_CASE("where no router runs there is nothing to replace") {
  const TempDir directory = TempDir::create(std::filesystem::temp_directory_path()).value();
  Options options;
  options.listen = {"127.0.0.1:0"};
  options.control_socket = directory.path() / "none.sock";
  options.replace = true;
  const auto started = Router::start(options);
  REQUIRE(started.has_error());
  CHECK(started.error().message.starts_with("no router runs there that could be replaced"));
}

}  // namespace
}  // namespace berth::router::test
