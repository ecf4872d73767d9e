// SPDX-License-Identifier: Apache-2.0
//
// slowhttptest against the router: clients that say or read next to nothing are ended by its
// timeouts, and one that behaves is served all the time beside them.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "base/child_process.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

constexpr const char* program = "/usr/bin/slowhttptest";

/// After this long the router ends a client that says or reads next to nothing.
constexpr std::chrono::milliseconds patience = 5s;

/// "/slow" has more to read than the kernel takes at once.
Server::Serve serve() {
  return [large = response(std::string(8 << 20, 'x')), small = response("hello")](Peer& peer) {
    for (std::string head; !(head = peer.read_message(false).head).empty();)
      if (!peer.send(head.find(" /slow ") == head.npos ? small : large)) return;
  };
}

/// What slowhttptest says at the end: 100 connections at once (with more, what the kernel keeps for
/// slow readers would come near what it has for the whole machine), given up after 40 seconds.
std::string attack(const std::vector<std::string>& mode) {
  Server origin(serve());
  Bed bed(1, [](Options& options) { options.head_timeout = patience; });
  bed.put("running", {{"r-1", origin.port()}}, {{"idle_timeout_ms", patience.count()}});
  bed.control->apply({{"type", "put_host"},
                      {"version", ++bed.version},
                      {"host", "127.0.0.1"},
                      {"app", "hello"}});
  const std::string file = (bed.directory.path() / "told").string();
  const Fd output(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string url = "http://127.0.0.1:" + std::to_string(bed.port()) + "/slow";
  std::vector<std::string> argv{program, "-u", url, "-c", "100", "-r", "100",
                                "-l",    "40", "-p", "3", "-v", "1"};
  argv.insert(argv.end(), mode.begin(), mode.end());
  auto attacker = ChildProcess::spawn({.argv = argv, .stdout_fd = output.get()}).value();
  int served = 0;
  std::chrono::steady_clock::duration longest{};
  while (!attacker.wait_for(50ms).value()) {
    const auto start = std::chrono::steady_clock::now();
    Peer client = bed.client();
    client.send(get("/"));
    if (client.read_message().status() != 200) break;
    longest = std::max(longest, std::chrono::steady_clock::now() - start);
    ++served;
  }
  CHECK(served > 10);
  CHECK(longest < patience - 1s);  // that is, no client waits until the others are ended
  return read_file(file).value();
}

}  // namespace

TEST_CASE("slow heads, bodies and readers are ended, and others are served beside them") {
  if (!std::filesystem::exists(program)) {
    MESSAGE("SKIP: slowhttptest is not installed: apt-get install slowhttptest");
    return;
  }
  // What is said or read comes each ten seconds, twice what the router waits; a head's lines come
  // each second.
  const std::vector<std::vector<std::string>> modes{
      {"-H", "-i", "1"},
      {"-B", "-i", "10", "-s", "8192"},
      {"-X", "-n", "10", "-w", "1", "-y", "32", "-z", "4096"}};
  for (const std::vector<std::string>& mode : modes) {
    const std::string told = attack(mode);
    const std::size_t end = told.rfind("Test ended");
    CHECK_MESSAGE(told.find("No open connections left") != told.npos, mode.front(), ": ",
                  told.substr(end == told.npos ? 0 : end));
  }
}

}  // namespace berth::router::test
