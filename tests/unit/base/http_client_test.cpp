// SPDX-License-Identifier: Apache-2.0
#include "base/http_client.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Answers one connection after the other on the loopback as the test says; ends with the object.
class Peer {
 public:
  /// `answer` gets each request as it came, head and body, and the socket.
  explicit Peer(std::function<void(const std::string& request, int socket)> answer)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listener_.get(), 16) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      for (;;) {
        const Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket || ending_) return;
        const std::string request = receive(socket.get());
        if (!request.empty()) answer(request, socket.get());
      }
    });
  }
  ~Peer() {
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] HttpRequest request(std::string_view target = "/") const {
    return {
        .url = {.scheme = "http", .host = "127.0.0.1", .port = port, .target = std::string(target)},
        .deadline = 20s};
  }

  int port = 0;

 private:
  static std::string receive(int socket) {
    std::string request;
    char buffer[4096];
    for (;;) {
      const auto end = request.find("\r\n\r\n");
      if (end != std::string::npos) {
        const auto field = request.find("Content-Length: ");
        const std::size_t body =
            field == std::string::npos ? 0 : std::stoul(request.substr(field + 16));
        if (request.size() >= end + 4 + body) return request;
      }
      const ssize_t count = ::read(socket, buffer, sizeof buffer);
      if (count <= 0) return {};
      request.append(buffer, static_cast<std::size_t>(count));
    }
  }

  Fd listener_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

void send(int socket, std::string_view text) { (void)write_all(socket, text); }

/// Until the client has gone.
void wait_for_end(int socket) {
  char byte;
  while (::read(socket, &byte, 1) > 0) {
  }
}

TEST_CASE("a URL is taken apart, with the scheme's port and a path") {
  const auto url = Url::parse("http://example.com");
  REQUIRE(url.has_value());
  CHECK(url->scheme == "http");
  CHECK(url->host == "example.com");
  CHECK(url->port == 80);
  CHECK(url->target == "/");
  CHECK(Url::parse("https://example.com/a?b=c#d")->target == "/a?b=c");
  CHECK(Url::parse("https://example.com")->port == 443);
  CHECK(Url::parse("http://example.com?x")->target == "/?x");
  CHECK(Url::parse("http://[::1]:8080/")->host == "[::1]");
  CHECK(Url::parse("http://[::1]:8080/")->port == 8080);
  for (const auto* bad : {"", "example.com", "ftp://example.com", "http//x", "http://a b/",
                          "http://x:99999/", "http:///x", "file:///x"})
    CHECK_MESSAGE(Url::parse(bad).has_error(), std::string(bad));
}

TEST_CASE("a request says who and what, and the response comes whole") {
  std::string seen;
  const Peer peer([&](const std::string& request, int socket) {
    seen = request;
    send(socket, "HTTP/1.1 201 Created\r\nX-One: a\r\nx-one: b\r\nContent-Length: 5\r\n\r\nhello");
  });
  HttpRequest request = peer.request("/path?q=1");
  request.method = "POST";
  request.headers = {{"Authorization", "Bearer x"}};
  request.body = "the body";
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK(response->status == 201);
  CHECK(response->body == "hello");
  CHECK(response->header("x-one") == "a, b");
  CHECK(response->header("missing").empty());
  CHECK(seen.starts_with("POST /path?q=1 HTTP/1.1\r\n"));
  CHECK(seen.find("Host: 127.0.0.1:" + std::to_string(peer.port) + "\r\n") != std::string::npos);
  CHECK(seen.find("Authorization: Bearer x\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\nthe body"));
}

TEST_CASE("every name below localhost is the loopback") {
  const Peer peer(
      [](const std::string&, int socket) { send(socket, "HTTP/1.1 204 No Content\r\n\r\n"); });
  HttpRequest request = peer.request();
  request.url.host = "api.localhost";
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK(response->status == 204);
}

TEST_CASE("bodies end by length, by chunks, by the connection's end, or are none") {
  std::string answer;
  std::string expected;
  std::string method = "GET";
  SUBCASE("chunks") {
    answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
        "world\r\n0\r\n\r\n";
    expected = "hello world";
  }
  SUBCASE("the end of the connection") {
    answer = "HTTP/1.1 200 OK\r\n\r\nhello world";
    expected = "hello world";
  }
  SUBCASE("a length, large") {
    expected = std::string(3 << 20, 'x');
    answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(expected.size()) + "\r\n\r\n" +
             expected;
  }
  SUBCASE("HEAD") {
    method = "HEAD";
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  }
  const Peer peer([&](const std::string&, int socket) { send(socket, answer); });
  HttpRequest request = peer.request();
  request.method = method;
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK((response->body == expected));
}

TEST_CASE("a stream is given piece by piece while it comes") {
  std::promise<void> first_seen;
  const Peer peer([&](const std::string&, int socket) {
    send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    first_seen.get_future().wait();  // nothing more before the client has the first
    send(socket, "3\r\ntwo\r\n0\r\n\r\n");
  });
  std::string all;
  HttpRequest request = peer.request();
  request.on_data = [&](std::string_view data) {
    if (all.empty()) first_seen.set_value();
    all += data;
    return true;
  };
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK(all == "onetwo");
  CHECK(response->body.empty());
}

TEST_CASE("a stream that is no longer wanted is left") {
  const Peer peer([](const std::string&, int socket) {
    send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    wait_for_end(socket);
  });
  HttpRequest request = peer.request();
  int pieces = 0;
  request.on_data = [&](std::string_view) { return ++pieces < 1; };
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK(pieces == 1);
}

TEST_CASE("an error's body is kept even where a stream was wanted") {
  const Peer peer([](const std::string&, int socket) {
    send(socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  });
  HttpRequest request = peer.request();
  bool streamed = false;
  request.on_data = [&](std::string_view) { return streamed = true; };
  const auto response = http_request(request);
  REQUIRE(response.has_value());
  CHECK(response->status == 404);
  CHECK(response->body == "no");
  CHECK_FALSE(streamed);
}

TEST_CASE("the deadline holds for the whole exchange") {
  std::function<void(int)> behaviour;
  SUBCASE("a peer that says nothing") { behaviour = wait_for_end; }
  SUBCASE("one that stops in the head") {
    behaviour = [](int socket) {
      send(socket, "HTTP/1.1 200 OK\r\nX-");
      wait_for_end(socket);
    };
  }
  SUBCASE("one that drips for ever") {
    behaviour = [](int socket) {
      send(socket, "HTTP/1.1 200 OK\r\n\r\n");
      timeval pause{.tv_sec = 0, .tv_usec = 20'000};
      ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
      char byte;
      // A byte each time that nothing was heard for 20 ms.
      while (::read(socket, &byte, 1) < 0 && !write_all(socket, "x").has_error()) {
      }
    };
  }
  const Peer peer([&](const std::string&, int socket) { behaviour(socket); });
  HttpRequest request = peer.request("/slow");
  request.deadline = 200ms;
  const auto response = http_request(request);
  REQUIRE(response.has_error());
  CHECK(response.error().kind == ErrorKind::timeout);
  CHECK(response.error().message ==
        "GET http://127.0.0.1:" + std::to_string(peer.port) + "/slow: no answer within 200 ms");
}

TEST_CASE("a stream may take longer than the deadline as long as it goes on") {
  const Peer peer([](const std::string&, int socket) {
    send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    timeval pause{.tv_sec = 0, .tv_usec = 50'000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    char byte;
    for (int i = 0; i < 10 && ::read(socket, &byte, 1) < 0; ++i) send(socket, "1\r\nx\r\n");
    send(socket, "0\r\n\r\n");
  });
  HttpRequest request = peer.request();
  request.deadline = 300ms;
  std::string all;
  request.on_data = [&](std::string_view data) {
    all += data;
    return true;
  };
  const auto response = http_request(request);
  REQUIRE_MESSAGE(response.has_value(), response.error().message);
  CHECK(all == "xxxxxxxxxx");
}

TEST_CASE("an answer that is cut short, or is none, is an error and not a short body") {
  std::string answer;
  SUBCASE("by length") { answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"; }
  SUBCASE("by chunks") {
    answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  }
  SUBCASE("no HTTP") { answer = "SSH-2.0-OpenSSH\r\n\r\n"; }
  SUBCASE("nothing") { answer = ""; }
  const Peer peer([&](const std::string&, int socket) { send(socket, answer); });
  const auto response = http_request(peer.request());
  REQUIRE(response.has_error());
  CHECK(response.error().kind == ErrorKind::unavailable);
}

TEST_CASE("a port that nobody listens on is named") {
  int port = 0;
  {
    const Peer peer([](const std::string&, int) {});
    port = peer.port;
  }
  const auto response =
      http_request({.url = {.scheme = "http", .host = "127.0.0.1", .port = port, .target = "/"}});
  REQUIRE(response.has_error());
  CHECK(response.error().kind == ErrorKind::unavailable);
  CHECK(response.error().message ==
        "GET http://127.0.0.1:" + std::to_string(port) + "/: connect: Connection refused");
}

}  // namespace
}  // namespace berth
