// SPDX-License-Identifier: Apache-2.0
//
// The static server, asked over real sockets.
#include "buildpacks/static/server/server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "base/file.hpp"

namespace berth::site {
namespace {

// A folder, and a server for it on a free port in a thread of its own.
class Running final {
 public:
  explicit Running(Rules rules = {}, Server::Limits limits = {})
      : folder_(*TempDir::create(std::filesystem::temp_directory_path())),
        stop_(eventfd(0, EFD_CLOEXEC)),
        rules_(std::move(rules)),
        limits_(limits) {}
  ~Running() {
    if (thread_.joinable()) stop();
  }

  void write(const std::string& path, const std::string& content) {
    const auto file = folder_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    REQUIRE(write_file(file, content).has_value());
  }
  void start() {
    Fd listener = listen_on(0);
    REQUIRE(listener);
    port_ = port_of(listener);
    Fd root(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    server_ = std::make_unique<Server>(
        std::move(listener), Site(std::move(root), rules_), limits_);
    thread_ = std::thread([this] { server_->run(stop_); });
  }
  void stop() {
    REQUIRE(eventfd_write(stop_.get(), 1) == 0);
    thread_.join();
  }
  [[nodiscard]] Fd connect() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
  // Everything that the server answers until it closes.
  [[nodiscard]] std::string raw(const std::string& requests) const {
    const Fd fd = connect();
    REQUIRE(write_all(fd.get(), requests).has_value());
    return read_to_end(fd);
  }
  [[nodiscard]] std::string get(const std::string& target, const std::string& fields = {}) const {
    return raw("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields + "\r\n");
  }
  [[nodiscard]] static std::string read_to_end(const Fd& fd) {
    std::string text;
    char buffer[65536];
    while (true) {
      const ssize_t count = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }
  [[nodiscard]] std::filesystem::path folder() const { return folder_.path(); }

 private:
  TempDir folder_;
  Fd stop_;
  Rules rules_;
  Server::Limits limits_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

std::string status_of(const std::string& response) { return response.substr(9, 3); }
std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}
std::string field_of(const std::string& response, const std::string& name) {
  const auto at = response.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return response.substr(from, response.find("\r\n", from) - from);
}

TEST_CASE("a path finds its file, its page, or its folder's page") {
  Running server;
  server.write("index.html", "home");
  server.write("about.html", "about");
  server.write("docs/index.html", "docs");
  server.write("a b/c.txt", "spaced");
  server.start();
  CHECK(body_of(server.get("/")) == "home");
  CHECK(body_of(server.get("/about")) == "about");
  CHECK(body_of(server.get("/about.html")) == "about");
  CHECK(body_of(server.get("/docs/")) == "docs");
  CHECK(body_of(server.get("/a%20b/c.txt")) == "spaced");
  CHECK(field_of(server.get("/a%20b/c.txt"), "Content-Type") == "text/plain; charset=utf-8");
  const auto moved = server.get("/docs?q=1");
  CHECK(status_of(moved) == "301");
  CHECK(field_of(moved, "Location") == "/docs/?q=1");
}

TEST_CASE("an unknown path is a plain 404, or the site's own page") {
  Running server;
  server.write("docs/a.txt", "a");
  server.start();
  CHECK(status_of(server.get("/nope")) == "404");
  CHECK(status_of(server.get("/docs")) == "404");
  CHECK(status_of(server.get("/docs/")) == "404");
  server.write("404.html", "not here");
  const auto own = server.get("/nope");
  CHECK(status_of(own) == "404");
  CHECK(body_of(own) == "not here");
}

TEST_CASE("a single-page app gets its page for every unknown path, but hidden ones") {
  Running server({.routes = {{"/**", "/index.html"}}});
  server.write("index.html", "app");
  server.write(".env", "SECRET=1");
  server.start();
  CHECK(body_of(server.get("/users/7")) == "app");
  CHECK(status_of(server.get("/users/7")) == "200");
  CHECK(status_of(server.get("/.env")) == "404");
}

TEST_CASE("rules move a request, or say which page and which headers it gets") {
  Running server({.https_only = true,
      .clean_urls = true,
      .error_page = "/errors/missing.html",
      .redirects = {{"/old/**", "https://elsewhere.example/new", 302}},
      .routes = {{"/app/*", "/app.html"}},
      .headers = {{"/**", "X-Frame-Options", "DENY"},
          {"/*.html", "Cache-Control", "max-age=60"}}});
  server.write("index.html", "home");
  server.write("app.html", "app");
  server.write("app/real.txt", "real");
  server.write("errors/missing.html", "gone");
  server.start();
  const auto plain = server.get("/x?q=1", "X-Forwarded-Proto: http\r\n");
  CHECK(status_of(plain) == "301");
  CHECK(field_of(plain, "Location") == "https://x/x?q=1");
  const auto old = server.get("/old/a/b", "X-Forwarded-Proto: https\r\n");
  CHECK(status_of(old) == "302");
  CHECK(field_of(old, "Location") == "https://elsewhere.example/new");
  CHECK(field_of(server.get("/app.html"), "Location") == "/app");
  CHECK(field_of(server.get("/index.html"), "Location") == "/");
  CHECK(body_of(server.get("/app/real.txt")) == "real");
  CHECK(body_of(server.get("/app/anything")) == "app");
  const auto missing = server.get("/app/any/deeper");
  CHECK(status_of(missing) == "404");
  CHECK(body_of(missing) == "gone");
  CHECK(field_of(missing, "X-Frame-Options") == "DENY");
  CHECK(field_of(server.get("/"), "Cache-Control") == "public, max-age=0, must-revalidate");
}

TEST_CASE("an app's header takes the place of the server's own") {
  Running server({.headers = {{"/a.txt", "cache-control", "no-store"}}});
  server.write("a.txt", "a");
  server.start();
  const auto response = server.get("/a.txt");
  CHECK(field_of(response, "cache-control") == "no-store");
  CHECK(field_of(response, "Cache-Control").empty());
}

TEST_CASE("nothing outside the folder and nothing hidden is served") {
  Running server;
  server.write("site.txt", "in");
  server.write(".git/config", "hidden");
  std::filesystem::create_symlink("/etc/hostname", server.folder() / "link");
  std::filesystem::create_symlink("site.txt", server.folder() / "inside");
  REQUIRE(::mkfifo((server.folder() / "pipe").c_str(), 0644) == 0);
  server.start();
  CHECK(status_of(server.get("/.git/config")) == "404");
  CHECK(status_of(server.get("/../../etc/hostname")) == "400");
  CHECK(status_of(server.get("/%2e%2e/etc/hostname")) == "400");
  CHECK(status_of(server.get("/link")) == "404");
  CHECK(body_of(server.get("/inside")) == "in");
  CHECK(status_of(server.get("/pipe")) == "404");
}

TEST_CASE("an entity tag follows the content, not the time stamp") {
  // As in an image layer: every file, in every release, has the same time stamp.
  const timespec stamp[2] = {{315532801, 0}, {315532801, 0}};
  const auto tag_of = [&](const std::string& content) {
    Running one;
    one.write("a.txt", content);
    REQUIRE(utimensat(AT_FDCWD, (one.folder() / "a.txt").c_str(), stamp, 0) == 0);
    one.start();
    const auto response = one.get("/a.txt");
    CHECK(field_of(response, "Last-Modified").empty());
    return field_of(response, "ETag");
  };
  CHECK(tag_of("version 1") == tag_of("version 1"));
  CHECK(tag_of("version 1") != tag_of("version 2"));
  CHECK(tag_of("") != tag_of(std::string(1, '\0')));
}

TEST_CASE("a client that has the file is told so") {
  Running server;
  server.write("a.txt", "hello");
  server.start();
  const auto first = server.get("/a.txt");
  const auto tag = field_of(first, "ETag");
  REQUIRE_FALSE(tag.empty());
  const auto second = server.get("/a.txt", "If-None-Match: " + tag + "\r\n");
  CHECK(status_of(second) == "304");
  CHECK(body_of(second).empty());
  CHECK(field_of(second, "ETag") == tag);
  CHECK(status_of(server.get("/a.txt", "If-None-Match: \"other\"\r\n")) == "200");
  const auto modified = field_of(first, "Last-Modified");
  CHECK(status_of(server.get("/a.txt", "If-Modified-Since: " + modified + "\r\n")) == "304");
}

TEST_CASE("a part of a file is sent as asked") {
  Running server;
  server.write("a.txt", "0123456789");
  server.start();
  const auto part = server.get("/a.txt", "Range: bytes=2-4\r\n");
  CHECK(status_of(part) == "206");
  CHECK(body_of(part) == "234");
  CHECK(field_of(part, "Content-Range") == "bytes 2-4/10");
  const auto beyond = server.get("/a.txt", "Range: bytes=10-\r\n");
  CHECK(status_of(beyond) == "416");
  CHECK(field_of(beyond, "Content-Range") == "bytes */10");
  CHECK(status_of(server.get("/a.txt", "Range: bytes=0-1\r\nIf-Range: \"old\"\r\n")) == "200");
}

TEST_CASE("HEAD has the fields of GET and no body; other methods are refused") {
  Running server;
  server.write("a.txt", "hello");
  server.start();
  const auto head =
      server.raw("HEAD /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(status_of(head) == "200");
  CHECK(field_of(head, "Content-Length") == "5");
  CHECK(body_of(head).empty());
  const auto post = server.raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(status_of(post) == "405");
  CHECK(field_of(post, "Allow") == "GET, HEAD");
}

TEST_CASE("requests that arrive together are answered in order on one connection") {
  Running server;
  server.write("a", "first");
  server.write("b", std::string(300'000, 'b'));
  server.start();
  const auto text = server.raw(
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto a = text.find("first");
  const auto b = text.find(std::string(300'000, 'b'));
  const auto c = text.find("404 Not Found");
  REQUIRE(a != std::string::npos);
  REQUIRE(b != std::string::npos);
  REQUIRE(c != std::string::npos);
  CHECK(a < b);
  CHECK(b < c);
}

TEST_CASE("a file larger than the socket's buffers arrives whole") {
  Running server;
  const std::string content(24 << 20, 'x');
  server.write("big.bin", content);
  server.start();
  const Fd fd = server.connect();
  REQUIRE(write_all(fd.get(), "GET /big.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
              .has_value());
  CHECK(body_of(Running::read_to_end(fd)) == content);
}

TEST_CASE("a head that is too large is refused, one that stops halfway ends with the time limit") {
  Running server({}, {.head_seconds = 1});
  server.start();
  CHECK(status_of(server.raw("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a'))) ==
        "431");
  CHECK(server.raw("GET / HTTP/1.1\r\nHost:").empty());
}

TEST_CASE("stopping finishes the answer under way and closes idle connections") {
  Running server;
  const std::string content(4 << 20, 'x');
  server.write("big.bin", content);
  server.start();
  const Fd idle = server.connect();
  const Fd busy = server.connect();
  REQUIRE(write_all(busy.get(), "GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n").has_value());
  char first = 0;
  REQUIRE(::recv(busy.get(), &first, 1, MSG_PEEK) == 1);
  std::string received;
  std::thread reader([&] { received = Running::read_to_end(busy); });
  server.stop();
  reader.join();
  CHECK(body_of(received).size() == content.size());
  CHECK(Running::read_to_end(idle).empty());
}

}  // namespace
}  // namespace berth::site
