// SPDX-License-Identifier: Apache-2.0
//
// The router's HTTP/2 against h2spec, and the memory that a hostile client can make it hold.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "base/child_process.hpp"
#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

namespace {

namespace fs = std::filesystem;

std::optional<std::string> h2spec() {
  const char* where = std::getenv("BERTH_H2SPEC");
  if (!where || !fs::exists(fs::path(where) / "h2spec")) {
    MESSAGE("SKIP: h2spec is not built: tests/conformance/make-h2spec makes it");
    return std::nullopt;
  }
  return (fs::path(where) / "h2spec").string();
}

/// What h2spec says at the end: "146 tests, 146 passed, 0 skipped, 0 failed".
void check_with(const std::string& program, std::uint16_t port, std::vector<std::string> more) {
  std::vector<std::string> argv{program, "-h", "127.0.0.1", "-p", std::to_string(port),
                                "-o",    "5",  "-S"};
  argv.insert(argv.end(), more.begin(), more.end());
  const auto output = run_program({.argv = argv}, {}, std::chrono::minutes(5)).value();
  const std::size_t failures = output.out.find("Failures:");
  const std::string told = output.out.substr(failures == std::string::npos ? 0 : failures);
  INFO(told);
  INFO(output.err);
  CHECK(output.status.success());
  CHECK(output.out.find(" 0 failed") != std::string::npos);
  CHECK(output.out.find(" 0 skipped") != std::string::npos);
  CHECK(output.out.find("tests, ") != std::string::npos);
}

/// A router in a process of its own, so that its memory is its own.
class OtherRouter final {
 public:
  OtherRouter(const fs::path& directory, std::uint16_t replica) {
    {
      DeadPort port;
      port_ = port.port();
    }
    const fs::path table = directory / "other.json";
    const json::object app =
        app_json("hello", "running", {{"r-1", replica}}, {{"log", (directory / "log").string()}});
    const json::object all{{"version", 1},
                           {"apps", json::array{app}},
                           {"hosts", {{"hello.localhost", "hello"}}}};
    REQUIRE_FALSE(write_file(table, to_text(all)).has_error());
    auto started = ChildProcess::spawn({.argv = {std::string(BERTH_BINARY_DIR) + "/bench_router",
                                                 std::to_string(port_), table.string(), "1",
                                                 "0", io_of_this_run() == Io::io_uring
                                                          ? "io_uring" : "epoll"}});
    REQUIRE_FALSE(started.has_error());
    process_ = std::move(*started);
    REQUIRE(eventually([&] { return client().fd() >= 0; }));
  }
  [[nodiscard]] Peer client() const { return Peer::to_port(port_); }
  /// Bytes that it holds.
  [[nodiscard]] std::size_t memory() const {
    const std::string path = "/proc/" + std::to_string(process_->pid()) + "/statm";
    const std::string statm = read_file(path, 4096).value();
    return std::strtoul(statm.c_str() + statm.find(' '), nullptr, 10) *
           static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

 private:
  std::uint16_t port_ = 0;
  std::optional<ChildProcess> process_;
};

/// Reads a chunked body with its trailers, which h2spec sends.
bool skip_chunks(Peer& peer) {
  for (;;) {
    const std::string line = peer.read_until("\r\n");
    if (line.empty()) return false;
    const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
    if (size > 0) {
      static_cast<void>(peer.read_exactly(size + 2));
      continue;
    }
    std::string trailer;
    do trailer = peer.read_until("\r\n");
    while (trailer.size() > 2);
    return true;
  }
}

}  // namespace

TEST_CASE("h2spec passes, by TLS and in clear text") {
  const auto program = h2spec();
  if (!program) return;
  Server server([](Peer& peer) {
    for (;;) {
      const Peer::Message request{peer.read_until("\r\n\r\n"), {}};
      if (request.head.empty()) return;
      const std::string length = request.header("content-length");
      static_cast<void>(peer.read_exactly(std::strtoul(length.c_str(), nullptr, 10)));
      if (request.header("transfer-encoding") == "chunked" && !skip_chunks(peer)) return;
      if (!peer.send(response(std::string(128, 'x')))) return;
    }
  });
  Bed bed;
  bed.put("running", {{"r-1", server.port()}});
  for (const std::uint16_t port : {bed.port(), bed.https_port()})
    for (const std::string& host : {"127.0.0.1:" + std::to_string(port), std::string("127.0.0.1")})
      bed.control->apply({{"type", "put_host"},
                          {"version", ++bed.version},
                          {"host", host},
                          {"app", "hello"}});
  const auto authority = CertificateAuthority::create("test", "localhost").value();
  bed.put_certificate("hello", {"hello.localhost"}, authority.issue("hello.localhost").value(),
                      true);
  check_with(*program, bed.https_port(), {"-t", "-k"});
  // Its case 3.5/2 sends what is no preface: on such a port that is HTTP/1, and refused as that.
  check_with(*program, bed.port(), {"generic"});
  check_with(*program, bed.port(), {"hpack"});
}

TEST_CASE("a hostile client makes the router hold little memory") {
  const std::string large(1 << 20, 'x');
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n";
  std::atomic<int> requests{0};
  Server server([&](Peer& peer) {
    while (!peer.read_message().head.empty()) {
      ++requests;
      if (!peer.send(head) || !peer.send(large)) return;
    }
  });
  const TempDir directory = TempDir::create(fs::temp_directory_path(), "berth-test-").value();
  const OtherRouter router(directory.path(), server.port());
  const auto grown = [&](const std::function<void(Http2Peer&)>& attack,
                         std::string_view settings = {}) {
    {
      Http2Peer usual(router.client());
      REQUIRE(usual.answer(usual.get("/")).body.size() == large.size());
    }
    const std::size_t before = router.memory();
    Http2Peer peer(router.client(), settings);
    peer.gives_windows = false;
    attack(peer);
    const std::size_t after = router.memory();
    return after < before ? 0 : (after - before) / 1024;
  };
  // At once: of a client that takes no answers no more is read, either.
  const auto all_asked = [&](Http2Peer& peer) {
    requests = 0;
    std::string heads;
    for (std::int32_t stream = 1; stream < 200; stream += 2)
      heads += peer.head(stream, Http2Peer::request("GET", "/"));
    peer.send(heads);
    CHECK(eventually([&] { return requests == 100; }));
  };
  // With io_uring a thread has buffers of its own for what is received, 48 of 16 KiB whatever is
  // connected, which the first answers of such a size touch.
  const std::size_t most_kib = 1000 + (io_of_this_run() == Io::io_uring ? 768 : 0);

  const std::size_t no_window = grown(
      [&](Http2Peer& peer) {
        all_asked(peer);
        for (std::int32_t stream = 1; stream < 200; stream += 2)
          CHECK(peer.read_until([&] { return peer.so_far(stream).status() == 200; }));
      },
      setting(4, 0));
  CHECK(no_window < most_kib);

  const std::size_t unread = grown(
      [&](Http2Peer& peer) {
        peer.send(frame(FrameType::window_update, 0, 0, be32(0x7fff0000)));
        all_asked(peer);
      },
      setting(4, 0x7fffffff));
  CHECK(unread < most_kib);

  const std::size_t bodies = grown([&](Http2Peer& peer) {
    REQUIRE(peer.sync());
    std::string frames;
    for (std::int32_t stream = 1; stream < 200; stream += 2)
      frames += peer.head(stream, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"},
                                   {":authority", "hello.localhost"}, {"content-length", "9"}},
                          false);
    peer.send(frames);
    CHECK(peer.sync());
  });
  CHECK(bodies < most_kib);

  const std::size_t resets = grown([](Http2Peer& peer) {
    for (std::int32_t stream = 1; stream < 2000; stream += 2)
      peer.send(peer.head(stream, Http2Peer::request("GET", "/")) +
                frame(FrameType::rst_stream, 0, stream, be32(8)));
    CHECK(peer.goaway() == 11U);
  });
  CHECK(resets < most_kib);

  const std::size_t bomb = grown([](Http2Peer& peer) {
    const FieldList fields = Http2Peer::request("GET", "/", {{"x-bomb", std::string(2500, 'x')}});
    peer.send(peer.head(1, fields));
    for (std::int32_t stream = 3; stream < 2000; stream += 2)
      if (!peer.send(frame(FrameType::headers, flag::end_headers | flag::end_stream, stream,
                           peer.block(fields) + std::string(15'000, '\xbe'))))
        break;
    CHECK(peer.goaway() == 11U);
  });
  CHECK(bomb < most_kib);
  MESSAGE("grown by KiB: no window " << no_window << ", unread " << unread << ", bodies " << bodies
                                     << ", resets " << resets << ", HPACK bomb " << bomb);
}

}  // namespace berth::router::test
