// SPDX-License-Identifier: Apache-2.0
//
// `berth run` as a process of its own, on a pseudo-terminal or on pipes, against a WebSocket spoken
// by hand.
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include <csignal>
#include <future>
#include <memory>
#include <optional>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// The server's side of one WebSocket, after the request was read (RFC 6455).
class Peer {
 public:
  Peer(const Asked& asked, FakeServer::Stream stream) : socket_(stream.socket()) {
    const std::string key =
        asked.headers.at("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(key.data(), key.size(), digest, &size, EVP_sha1(), nullptr);
    raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        base64({reinterpret_cast<char*>(digest), size}) + "\r\n\r\n");
  }

  void binary(const std::string& bytes) { frame(0x82, bytes); }
  void text(const std::string& bytes) { frame(0x81, bytes); }

  struct Message {
    int kind = 0;  ///< 1 text, 2 binary, 8 close
    std::string bytes;
  };

  /// Nothing when the connection has ended.
  std::optional<Message> next() {
    const std::string head = take(2);
    if (head.size() < 2) return std::nullopt;
    std::size_t size = static_cast<unsigned char>(head[1]) & 0x7fU;
    for (int more = size == 126 ? 2 : size == 127 ? 8 : 0, first = 1; more > 0; --more, first = 0)
      size = (first ? 0 : size << 8U) | static_cast<unsigned char>(take(1)[0]);
    const std::string mask = take(4);
    std::string bytes = take(size);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(bytes[i] ^ mask[i % 4]);
    return Message{head[0] & 0x0f, bytes};
  }

  /// The next binary message's bytes.
  std::string next_binary() {
    while (auto message = next())
      if (message->kind == 2) return message->bytes;
    return {};
  }
  std::string next_text() {
    while (auto message = next())
      if (message->kind == 1) return message->bytes;
    return {};
  }

 private:
  void raw(const std::string& bytes) { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  void frame(int first, const std::string& bytes) {
    std::string head(1, static_cast<char>(first));
    if (bytes.size() < 126) {
      head += static_cast<char>(bytes.size());
    } else {
      head += static_cast<char>(126);
      head += static_cast<char>(bytes.size() >> 8U);
      head += static_cast<char>(bytes.size() & 0xffU);
    }
    raw(head + bytes);
  }

  std::string take(std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      const ssize_t more = ::recv(socket_, bytes.data() + got, count - got, 0);
      if (more <= 0) return {};
      got += static_cast<std::size_t>(more);
    }
    return bytes;
  }

  int socket_;
};

struct RunFixture : Fixture {
  std::string program = std::string(BERTH_BINARY_DIR) + "/berth_cli_program";

  void serve(std::function<void(Peer&)> script) {
    server.on("POST /apps/hello/dynos",
              Answer{.status = 201,
                     .body = R"({"name":"run.5","attach_url":"ws://127.0.0.1:)" +
                             std::to_string(server.port()) + R"(/attach/s3cret"})"});
    auto played = std::make_shared<std::promise<void>>();
    played_ = played->get_future();
    server.stream("GET /attach/s3cret",
                  [script, played](const Asked& asked, FakeServer::Stream stream) {
                    Peer peer(asked, stream);
                    script(peer);
                    played->set_value();
                  });
  }
  /// Until the script has ended: only then is what it noted ours to read.
  void await_script() {
    REQUIRE(played_.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  }

  berth::Command command(std::vector<std::string> words) {
    words.insert(words.begin(), {program, "run", "-a", "hello"});
    return {.argv = std::move(words),
            .env = {{"BERTH_URL", server.url()},
                    {"BERTH_TOKEN", "secret"},
                    {"HOME", directory.path()},
                    {"TERM", "xterm"},
                    {"NO_COLOR", "1"}}};
  }

  json::value request() { return *parse_json(server.last("POST /apps/hello/dynos").body); }

 private:
  std::future<void> played_;
};

/// A pseudo-terminal: the program has `slave`, the test plays the user on `master`.
struct Terminal {
  Fd master;
  Fd slave;
  std::string screen;

  Terminal() {
    master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    slave = Fd(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(static_cast<bool>(slave));
    resize(100, 40);
  }
  void resize(unsigned short columns, unsigned short rows) {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::ioctl(master.get(), TIOCSWINSZ, &size) == 0);
  }
  void type(const std::string& text) { REQUIRE(write_all(master.get(), text).has_value()); }
  /// Reads the screen until it holds `text`; false after ten silent seconds.
  bool wait_for(const std::string& text) {
    while (screen.find(text) == std::string::npos) {
      pollfd entry{.fd = master.get(), .events = POLLIN, .revents = 0};
      if (::poll(&entry, 1, 10'000) <= 0) return false;
      char buffer[4096];
      const ssize_t count = ::read(master.get(), buffer, sizeof buffer);
      if (count <= 0) return false;
      screen.append(buffer, static_cast<std::size_t>(count));
    }
    return true;
  }
  [[nodiscard]] termios mode() const {
    termios mode{};
    REQUIRE(::tcgetattr(slave.get(), &mode) == 0);
    return mode;
  }
  [[nodiscard]] bool is_raw() const { return (mode().c_lflag & (ICANON | ECHO | ISIG)) == 0; }
};

ExitStatus finish(ChildProcess& child) {
  const auto status = child.wait_for(std::chrono::seconds(20));
  REQUIRE(status.has_value());
  REQUIRE(status->has_value());
  return **status;
}

}  // namespace

TEST_CASE_FIXTURE(RunFixture,
                  "run passes pipes both ways, the end of the input and the exit code") {
  std::string received;
  serve([&](Peer& peer) {
    while (auto message = peer.next()) {
      if (message->kind == 2) received += message->bytes;
      if (message->kind == 1) break;
    }
    peer.binary("out\x1b[1m");
    peer.binary(std::string(5000, 'x'));
    peer.text(R"({"exit":42})");
    peer.next();
  });
  const auto output = run_program(command({"cat", "a b"}), std::string(100'000, 'i'));
  REQUIRE(output.has_value());
  await_script();
  CHECK(output->status.code == 42);
  CHECK((output->out == "out\x1b[1m" + std::string(5000, 'x')));
  CHECK(output->err == "");
  CHECK(received.size() == 100'000);
  CHECK(received.find_first_not_of('i') == std::string::npos);
  CHECK(request() ==
        *parse_json(R"({"command":"cat 'a b'","attach":true,"env":{},"force_no_tty":true})"));
}

TEST_CASE_FIXTURE(RunFixture, "run reads its input from a file, which no event loop can wait for") {
  std::string received;
  serve([&](Peer& peer) {
    while (auto message = peer.next()) {
      if (message->kind == 2) received += message->bytes;
      if (message->kind == 1 && message->bytes == R"({"end":true})") break;
    }
    peer.text(R"({"exit":0})");
    peer.next();
  });
  const auto file = directory.path() / "input";
  REQUIRE(write_file(file, "from a file").has_value());
  const auto input = open_file(file, O_RDONLY);
  auto words = command({"cat"});
  words.stdin_fd = input->get();
  words.stdout_fd = -1;
  auto child = ChildProcess::spawn(words);
  REQUIRE(child.has_value());
  CHECK(finish(*child).success());
  await_script();
  CHECK(received == "from a file");
}

TEST_CASE_FIXTURE(RunFixture, "run on a terminal is raw while it runs, resizes, and restores it") {
  Terminal terminal;
  const termios before = terminal.mode();
  std::string first_size, typed, second_size;
  serve([&](Peer& peer) {
    first_size = peer.next_text();
    peer.binary("ready$ ");
    typed = peer.next_binary();
    peer.binary("resize now");
    second_size = peer.next_text();
    peer.text(R"({"exit":3})");
    peer.next();
  });
  auto words = command({"bash"});
  words.stdin_fd = words.stdout_fd = words.stderr_fd = terminal.slave.get();
  auto child = ChildProcess::spawn(words);
  REQUIRE(child.has_value());
  CHECK(terminal.wait_for("ready$ "));
  CHECK(terminal.is_raw());
  terminal.type("\x03");  // Ctrl-C is a byte for the one-off, not a signal for us.
  CHECK(terminal.wait_for("resize now"));
  terminal.resize(120, 50);
  REQUIRE(child->signal(SIGWINCH).has_value());
  CHECK(finish(*child).code == 3);
  await_script();
  CHECK(typed == "\x03");
  CHECK(first_size == R"({"resize":[100,40]})");
  CHECK(second_size == R"({"resize":[120,50]})");
  CHECK(terminal.mode().c_lflag == before.c_lflag);
  CHECK(terminal.mode().c_iflag == before.c_iflag);
  CHECK(
      request() ==
      *parse_json(
          R"({"command":"bash","attach":true,"env":{"COLUMNS":"100","LINES":"40",)"
          R"("TERM":"xterm"}})"));
}

TEST_CASE_FIXTURE(RunFixture,
                  "the terminal is restored when run is told to end and when the platform goes") {
  for (const bool told : {true, false}) {
    CAPTURE(told);
    Terminal terminal;
    const termios before = terminal.mode();
    serve([told](Peer& peer) {
      peer.binary("ready$ ");
      if (told) peer.next_binary();  // Until the connection ends.
    });
    auto words = command({"bash"});
    words.stdin_fd = words.stdout_fd = words.stderr_fd = terminal.slave.get();
    auto child = ChildProcess::spawn(words);
    REQUIRE(child.has_value());
    CHECK(terminal.wait_for("ready$ "));
    if (told) {
      CHECK(terminal.is_raw());
      REQUIRE(child->signal(SIGTERM).has_value());
    }
    CHECK(finish(*child).code == (told ? 128 + SIGTERM : 4));
    if (!told)
      CHECK(terminal.wait_for("→ Try: berth ps -a hello, to see whether run.5 still runs"));
    CHECK(terminal.mode().c_lflag == before.c_lflag);
  }
}

TEST_CASE_FIXTURE(RunFixture,
                  "Ctrl-C without a terminal is passed on, and ends run the second time") {
  Pipe input = *make_pipe();
  Pipe output = *make_pipe();
  std::string first;
  serve([&](Peer& peer) {
    peer.binary("1");
    first = peer.next_text();
    peer.binary("2");
    peer.next_text();
  });
  auto words = command({"--no-tty", "sleep", "60"});
  words.stdin_fd = input.read.get();
  words.stdout_fd = output.write.get();
  auto child = ChildProcess::spawn(words);
  REQUIRE(child.has_value());
  char byte = 0;
  REQUIRE(::read(output.read.get(), &byte, 1) == 1);
  REQUIRE(child->signal(SIGINT).has_value());
  REQUIRE(::read(output.read.get(), &byte, 1) == 1);
  CHECK(byte == '2');
  REQUIRE(child->signal(SIGINT).has_value());
  CHECK(finish(*child).code == 128 + SIGINT);
  await_script();
  CHECK(first == R"({"signal":"INT"})");
}

TEST_CASE_FIXTURE(RunFixture,
                  "an attach address that does not answer is an error with a next step") {
  server.on("POST /apps/hello/dynos",
            Answer{.status = 201,
                   .body = R"({"name":"run.5","attach_url":"ws://127.0.0.1:1/attach/x"})"});
  const auto output = run_program(command({"ls"}));
  CHECK(output->status.code == 4);
  CHECK_CONTAINS(output->err, "cannot be attached to at 127.0.0.1:1 (Connection refused).");
  CHECK_CONTAINS(output->err, "→ Try: berth ps -a hello");
  server.on("POST /apps/hello/dynos",
            Answer{.status = 201, .body = R"({"name":"run.5","attach_url":"wss://x/y"})"});
  CHECK(run_program(command({"ls"}))->status.code == 1);
}
