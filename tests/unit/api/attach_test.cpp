// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <poll.h>

#include "base/crypto.hpp"
#include "runtime/engine/attach_frame.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// The shim's side of the socket.
class Shim final {
 public:
  explicit Shim(Fd fd) : fd_(std::move(fd)) {}

  void send(char type, std::string_view payload) const {
    std::string bytes(1, type);
    for (const int shift : {24, 16, 8, 0})
      bytes += static_cast<char>(payload.size() >> shift & 0xff);
    REQUIRE(!write_all(fd_.get(), bytes + std::string(payload)).has_error());
  }
  void send_raw(std::string_view bytes) const { REQUIRE(!write_all(fd_.get(), bytes).has_error()); }
  /// "d:text"; "end" when the peer has closed.
  [[nodiscard]] std::string receive() const {
    const std::string head = read(5);
    if (head.size() < 5) return "end";
    std::size_t size = 0;
    for (int i = 1; i < 5; ++i)
      size = size << 8 | static_cast<unsigned char>(head[static_cast<std::size_t>(i)]);
    return head.substr(0, 1) + ":" + read(size);
  }
  void close() { fd_.reset(); }
  void read_no_more() const { REQUIRE(::shutdown(fd_.get(), SHUT_RD) == 0); }

 private:
  [[nodiscard]] std::string read(std::size_t count) const {
    std::string result;
    while (result.size() < count) {
      pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&entry, 1, 10'000) <= 0) return "timeout";
      char buffer[4096];
      const ssize_t got = ::read(fd_.get(), buffer, std::min(sizeof buffer, count - result.size()));
      if (got <= 0) break;
      result.append(buffer, static_cast<std::size_t>(got));
    }
    return result;
  }
  Fd fd_;
};

/// A client of the few frames that the tests need (RFC 6455, section 5.2).
class WebSocketClient final {
 public:
  WebSocketClient(const ApiFixture& api, std::string_view target) : client_(api.raw()) {
    client_.send("GET " + std::string(target) +
                 " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
                 "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    accepted = client_.read_until("\r\n\r\n") && client_.received.starts_with("HTTP/1.1 101 ");
    if (accepted) client_.received.erase(0, client_.received.find("\r\n\r\n") + 4);
  }

  /// Opcode 1 is text, 2 binary, 8 close; masked with zeros.
  void send(int opcode, std::string_view payload) const {
    REQUIRE(payload.size() < 126);
    std::string bytes(1, static_cast<char>(0x80 | opcode));
    bytes += static_cast<char>(0x80 | payload.size());
    bytes += std::string(4, '\0');
    client_.send(bytes + std::string(payload));
  }
  /// "1:text", "2:bytes", "8:…"; "end" when the peer has closed.
  [[nodiscard]] std::string receive() {
    while (client_.received.size() < 2)
      if (!more()) return "end";
    std::size_t size = static_cast<unsigned char>(client_.received[1]);
    std::size_t head = 2;
    if (size == 126) {
      while (client_.received.size() < 4)
        if (!more()) return "end";
      size = static_cast<std::size_t>(static_cast<unsigned char>(client_.received[2])) << 8 |
             static_cast<unsigned char>(client_.received[3]);
      head = 4;
    }
    while (client_.received.size() < head + size)
      if (!more()) return "end";
    const std::string result =
        std::to_string(client_.received[0] & 15) + ":" + client_.received.substr(head, size);
    client_.received.erase(0, head + size);
    return result;
  }
  void close() { client_.close(); }

  bool accepted = false;

 private:
  /// Any further byte.
  bool more() {
    const std::size_t before = client_.received.size();
    pollfd entry{.fd = client_.fd(), .events = POLLIN, .revents = 0};
    if (client_.fd() < 0 || ::poll(&entry, 1, 10'000) <= 0) return false;
    char buffer[4096];
    const ssize_t got = ::recv(client_.fd(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    client_.received.append(buffer, static_cast<std::size_t>(got));
    return client_.received.size() > before;
  }
  RawClient client_;
};

Shim attachable(ApiFixture& api, const std::string& secret) {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  Fd ours(pair[0]);
  Fd theirs(pair[1]);
  api.on_strand([&] { api.control.attachable[secret] = std::move(ours); });
  return Shim(std::move(theirs));
}

}  // namespace

TEST_CASE(
    "bytes, sizes, signals and the end of input go to the shim, bytes and the exit code come "
    "back") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  WebSocketClient client(api, "/attach/s1");
  REQUIRE(client.accepted);
  client.send(2, "ls\n");
  CHECK(shim.receive() == "d:ls\n");
  client.send(1, R"({"resize":[120,40]})");
  CHECK(shim.receive() == std::string("r:\0\x78\0\x28", 6));
  client.send(1, R"({"signal":"INT"})");
  CHECK(shim.receive() == "s:\x02");
  client.send(1, "what is this");
  client.send(1, R"({"signal":"NOPE"})");
  client.send(1, R"({"end":true})");
  CHECK(shim.receive() == "e:");
  shim.send('d', "a.txt\r\n");
  CHECK(client.receive() == "2:a.txt\r\n");
  shim.send('d', std::string(1000, 'x'));
  CHECK(client.receive() == "2:" + std::string(1000, 'x'));
  shim.send('x', std::string("\x03\0", 2));
  CHECK(client.receive() == "1:{\"exit\":3}");
  CHECK(client.receive().starts_with("8:"));
  client.send(8, "\x03\xe8");
  CHECK(client.receive() == "end");
  CHECK(shim.receive() == "end");
}

TEST_CASE("a replica that a signal ended exits as shells count") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  WebSocketClient client(api, "/attach/s1");
  shim.send('x', std::string("\0\x09", 2));
  CHECK(client.receive() == "1:{\"exit\":137}");
}

TEST_CASE("a replica that ended before all input came still gives its last bytes and exit") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  WebSocketClient client(api, "/attach/s1");
  REQUIRE(client.accepted);
  shim.read_no_more();
  client.send(1, R"({"end":true})");
  client.send(9, "done?");
  REQUIRE(client.receive() == "10:done?");  // what came before it did not reach the replica
  shim.send('d', "bye");
  shim.send('x', std::string("\x07\0", 2));
  CHECK(client.receive() == "2:bye");
  CHECK(client.receive() == "1:{\"exit\":7}");
}

TEST_CASE("when the client goes the shim sees the end, and when the shim goes the client does") {
  ApiFixture api;
  Shim first = attachable(api, "s1");
  WebSocketClient leaving(api, "/attach/s1");
  REQUIRE(leaving.accepted);
  leaving.close();
  CHECK(first.receive() == "end");
  Shim second = attachable(api, "s2");
  WebSocketClient left(api, "/attach/s2");
  REQUIRE(left.accepted);
  second.close();
  CHECK(left.receive().find("the connection to the replica ended") != std::string::npos);
}

TEST_CASE("an attach secret works once, and only for a WebSocket") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  CHECK(api.request("GET", "/attach/s1").status == 426);
  WebSocketClient first(api, "/attach/s1");
  CHECK(first.accepted);
  WebSocketClient second(api, "/attach/s1");
  CHECK_FALSE(second.accepted);
}

TEST_CASE("a frame that is too large ends the attachment") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  WebSocketClient client(api, "/attach/s1");
  REQUIRE(client.accepted);
  static_assert(runtime::attach_frame_limit == 0x100000);
  shim.send_raw(std::string("d\x00\x10\x00\x01", 5));
  CHECK(client.receive().find("a frame that is too large") != std::string::npos);
}

TEST_CASE("the server stops with a terminal attached") {
  ApiFixture api;
  Shim shim = attachable(api, "s1");
  WebSocketClient client(api, "/attach/s1");
  REQUIRE(client.accepted);
  api.stop();
  CHECK(shim.receive() == "end");
  CHECK(client.receive() == "end");
}
