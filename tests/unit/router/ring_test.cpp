// SPDX-License-Identifier: Apache-2.0
//
// What the router's loop relies on io_uring for, asked of the kernel that runs.
#include "router/loop/ring.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

struct Outcome {
  std::uint64_t number;
  std::int32_t result;
  std::uint32_t flags;
};

/// A ring and two ends of a stream.
struct Bench {
  Bench() {
    int both[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    ours = Fd(both[0]);
    theirs = Fd(both[1]);
    ring->start();
  }
  std::vector<Outcome> enter(std::int64_t timeout_us) {
    std::vector<Outcome> outcomes;
    ring->enter(timeout_us, [&](std::uint64_t number, std::int32_t result, std::uint32_t flags) {
      outcomes.push_back({number, result, flags});
    });
    return outcomes;
  }
  std::string read_all() const {
    std::string text(1 << 20, '\0');
    std::size_t size = 0;
    for (ssize_t count = 0; (count = ::recv(theirs.get(), text.data() + size, text.size() - size,
                                            MSG_DONTWAIT)) > 0;)
      size += static_cast<std::size_t>(count);
    text.resize(size);
    return text;
  }

  std::unique_ptr<Ring> ring = Ring::create().value();
  Fd ours, theirs;
};

std::string letters(std::size_t size) {
  std::string text(size, 'a');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

/// On a thread that has nothing else to do: it is interrupted when the ring goes.
void with_ring(const std::function<void(Bench&)>& body) {
  if (Ring::check().has_error()) {
    MESSAGE("SKIP: this host refuses io_uring");
    return;
  }
  aside([&] {
    Bench bench;
    body(bench);
  });
}

}  // namespace

TEST_CASE("what a socket takes at once has no outcome, and the rest has its size") {
  with_ring([](Bench& bench) {
    bench.ring->send_now(bench.ours.get(), "hello", 8);
    CHECK(bench.enter(0).empty());
    CHECK(bench.read_all() == "hello");

    const std::string much = letters(1 << 20);
    bench.ring->send_now(bench.ours.get(), much, 8);
    auto outcomes = bench.enter(0);
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].number == 8);
    REQUIRE(outcomes[0].result > 0);
    const auto sent = static_cast<std::size_t>(outcomes[0].result);
    REQUIRE(sent < much.size());

    bench.ring->send_now(bench.ours.get(), "more", 8);
    outcomes = bench.enter(0);
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].result == -EAGAIN);

    CHECK(bench.read_all() == much.substr(0, sent));
    bench.theirs.reset();
    bench.ring->send_now(bench.ours.get(), "more", 8);
    outcomes = bench.enter(0);
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].result == -EPIPE);
  });
}

TEST_CASE("a send without haste has one outcome, when all is taken") {
  with_ring([](Bench& bench) {
    const std::string much = letters(1 << 20);
    bench.ring->send(bench.ours.get(), much, 8);
    std::string read;
    std::vector<Outcome> outcomes;
    for (int turns = 0; outcomes.empty() && turns < 10'000; ++turns) {
      outcomes = bench.enter(0);
      read += bench.read_all();
    }
    read += bench.read_all();
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].result == static_cast<std::int32_t>(much.size()));
    CHECK(read == much);
  });
}

TEST_CASE("received bytes come in order, as far as there are buffers, and then their end") {
  with_ring([](Bench& bench) {
    const std::string much = letters(1 << 20);
    ::fcntl(bench.theirs.get(), F_SETFL, O_NONBLOCK);
    Ring::Chain chain;
    std::string read;
    std::size_t written = 0;
    bool lacked = false;
    bool waits = false;
    bool ended = false;
    for (int turns = 0; !ended && turns < 10'000; ++turns) {
      if (written < much.size()) {
        const ssize_t count =
            ::send(bench.theirs.get(), much.data() + written, much.size() - written, 0);
        if (count > 0) written += static_cast<std::size_t>(count);
        if (written == much.size()) bench.theirs.reset();
      }
      if (!waits) bench.ring->receive(bench.ours.get(), 16);
      waits = true;
      for (const Outcome& outcome : bench.enter(0)) {
        if (!(outcome.flags & IORING_CQE_F_MORE)) waits = false;
        if (outcome.result > 0)
          bench.ring->append(chain, outcome.flags, static_cast<std::size_t>(outcome.result));
        if (outcome.result == -ENOBUFS) lacked = true;
        if (outcome.result == 0) ended = true;
      }
      // Nothing is taken until there are no more buffers.
      CHECK((!lacked || bench.ring->is_short() || read.size() > 0));
      if (!lacked && !ended) continue;
      std::string part(10'000, '\0');
      while (const std::size_t taken = bench.ring->take(chain, part.data(), part.size()))
        read.append(part, 0, taken);
    }
    CHECK(lacked);
    CHECK(read == much);
    CHECK_FALSE(bench.ring->is_short());
  });
}

TEST_CASE("what is cancelled ends, and lets go of its file") {
  with_ring([](Bench& bench) {
    bench.ring->receive(bench.ours.get(), 16);
    CHECK(bench.enter(0).empty());
    bench.ours.reset();
    char byte = 0;
    CHECK(::recv(bench.theirs.get(), &byte, 1, MSG_DONTWAIT) == -1);
    bench.ring->cancel(16);
    const auto outcomes = bench.enter(1'000'000);
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].number == 16);
    CHECK(outcomes[0].result == -ECANCELED);
    CHECK(::recv(bench.theirs.get(), &byte, 1, 0) == 0);
  });
}

TEST_CASE("waiting ends at its time") {
  with_ring([](Bench& bench) {
    bench.ring->poll_once(bench.ours.get(), EPOLLIN, 16);
    CHECK(bench.enter(20'000).empty());
    REQUIRE(::send(bench.theirs.get(), "x", 1, 0) == 1);
    const auto outcomes = bench.enter(-1);
    REQUIRE(outcomes.size() == 1);
    CHECK((outcomes[0].result & EPOLLIN) != 0);
  });
}

}  // namespace berth::router::test
