// SPDX-License-Identifier: Apache-2.0
#include "runtime/autoscaler/decide.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

constexpr Time start_of_time{std::chrono::hours(1000)};

/// An app under an autoscaler, a sample a second.
struct App {
  ScalingPolicy policy{.min = 0, .max = 5, .requests_per_second = 20};
  ScalingState state;
  Time now = start_of_time;
  Decision last;

  /// A second in which `requests` were finished.
  Decision second(std::uint64_t requests, std::uint64_t in_flight = 0, std::uint64_t held = 0) {
    now += 1s;
    return last =
               decide(policy, state,
                      {.at = now, .requests = requests, .in_flight = in_flight, .held = held}, now);
  }
  Decision seconds(int count, std::uint64_t requests, std::uint64_t in_flight = 0) {
    for (int i = 0; i < count; ++i) second(requests, in_flight);
    return last;
  }
  /// Time goes by without a sample.
  Decision silence(Duration time) {
    now += time;
    return last = decide(policy, state, {}, now);
  }
};

TEST_CASE("load adds replicas within three seconds, by the rate and the target of one") {
  App app;
  app.state.quantity = 1;
  CHECK(app.seconds(3, 66).quantity == 4);
  CHECK(app.last.why.find("66.0 requests/s over 3 s, target 20 a replica") != std::string::npos);
}

TEST_CASE("never more than the maximum, never fewer than the minimum") {
  App app;
  app.state.quantity = 1;
  CHECK(app.seconds(5, 10'000).quantity == 5);
  app.policy.max = 3;
  CHECK(app.second(10'000).quantity == 3);
  CHECK(app.last.why == "above the maximum");
  app.policy = {.min = 4, .max = 5, .requests_per_second = 20};
  app.state.samples.clear();
  CHECK(app.second(0).quantity == 4);
  CHECK(app.last.why == "below the minimum");
  CHECK(app.seconds(200, 0).quantity == 4);
}

TEST_CASE("below the minimum, load still counts") {
  App app;
  app.policy.min = 2;
  app.state.samples.push_back({.at = app.now, .requests = 240, .in_flight = 0, .held = 0});
  CHECK(app.second(0).quantity == 4);
}

TEST_CASE("where memory is short replicas that load has added go first, one a second") {
  App app;
  app.policy.min = 2;
  app.state.quantity = 4;
  app.policy.room = Room::fewer;
  CHECK(app.second(200).quantity == 3);
  CHECK(app.last.why == "the machine's memory is short");
  CHECK(app.second(200).quantity == 2);
  CHECK(app.seconds(5, 200).quantity == 2);
  app.policy.min = 0;
  CHECK(app.second(200).quantity == 1);
  CHECK(app.second(200).quantity == 1);
}

TEST_CASE("where memory was short a moment ago nothing is added, but for a first one") {
  App app;
  app.policy.room = Room::no_more;
  app.state.quantity = 2;
  CHECK(app.seconds(5, 200).quantity == 2);
  app.policy.room = Room::enough;
  CHECK(app.second(200).quantity == 5);
  for (const Room room : {Room::no_more, Room::fewer}) {
    App asleep;
    asleep.policy.room = room;
    CHECK(asleep.second(0, 0, 100).quantity == 1);
    CHECK(asleep.last.why == "a request waits");
    asleep.policy.min = 3;
    CHECK(asleep.second(200).quantity == 3);
  }
}

TEST_CASE("a request that waits wakes the app") {
  App app;
  CHECK(app.second(0, 0, 1).quantity == 1);
  CHECK(app.last.why == "a request waits");
}

TEST_CASE("a request that still runs on a replica that drains wakes nothing") {
  App app;
  CHECK(app.second(0, 1, 0).quantity == 0);
}

TEST_CASE("replicas are removed when a whole window needed fewer") {
  App app;
  app.state.quantity = 1;
  app.seconds(10, 90);
  REQUIRE(app.last.quantity == 5);
  CHECK(app.seconds(29, 30).quantity == 5);
  CHECK(app.seconds(5, 30).quantity == 2);
  CHECK(app.last.quantity == 2);
}

TEST_CASE("one burst within the window keeps the replicas") {
  App app;
  app.state.quantity = 1;
  app.seconds(10, 90);
  app.seconds(20, 10);
  app.seconds(3, 90);
  CHECK(app.seconds(25, 10).quantity == 5);
  CHECK(app.seconds(10, 10).quantity == 1);
}

TEST_CASE("one replica stays until the idle time is over, then none") {
  App app;
  app.state.quantity = 3;
  app.seconds(5, 50);
  CHECK(app.seconds(59, 0).quantity == 1);
  CHECK(app.second(0).quantity == 0);
  CHECK(app.last.why == "no request for 60 s");
}

TEST_CASE("a long request is no idleness") {
  App app;
  app.state.quantity = 1;
  CHECK(app.seconds(300, 0, 1).quantity == 1);
}

TEST_CASE("with a minimum of one the app never sleeps") {
  App app;
  app.policy.min = 1;
  app.state.quantity = 1;
  CHECK(app.seconds(300, 0).quantity == 1);
}

TEST_CASE("a server that has just started puts nothing to sleep and removes nothing") {
  App app;
  app.state.quantity = 5;
  CHECK(app.second(0).quantity == 5);
  CHECK(app.seconds(28, 0).quantity == 5);
}

TEST_CASE("no samples after load is no silence: the router is away, and nothing is removed") {
  App app;
  app.state.quantity = 2;
  app.seconds(5, 40);
  CHECK(app.silence(50s).quantity == 2);
  CHECK(app.silence(3600s).quantity == 2);
  CHECK(app.last.why.find("no sample for") != std::string::npos);
  // It is back, and it was quiet since.
  app.second(0);
  CHECK(app.last.quantity == 0);
}

TEST_CASE("no samples after a quiet one is silence") {
  App app;
  app.state.quantity = 1;
  app.seconds(5, 10);
  app.second(0);
  CHECK(app.silence(58s).quantity == 1);
  CHECK(app.silence(2s).quantity == 0);
}

TEST_CASE("a sample that comes twice counts once") {
  App app;
  app.state.quantity = 1;
  for (int i = 0; i < 3; ++i) {
    app.second(20);
    app.now -= 1s;
    app.second(20);
  }
  CHECK(app.last.quantity == 1);
}

TEST_CASE("a clock that is set back an hour does not make the app blind") {
  App app;
  app.state.quantity = 1;
  app.seconds(10, 20);
  app.now -= 3600s;
  CHECK(app.seconds(4, 90).quantity == 5);
  CHECK(app.seconds(35, 5).quantity == 1);
}

TEST_CASE("what is kept of the past is bounded by the windows") {
  App app;
  app.state.quantity = 1;
  app.seconds(1000, 10);
  CHECK(app.state.samples.size() <= 63);
}

TEST_CASE("the state that decide() leaves is that of its decision") {
  App app;
  app.second(0, 0, 1);
  CHECK(app.state.quantity == 1);
  CHECK(app.state.since == app.now);
  app.seconds(3, 90);
  CHECK(app.state.quantity == 5);
}

TEST_CASE("the smallest and the largest rates are numbers") {
  App app;
  app.state.quantity = 1;
  app.policy.requests_per_second = 1e-300;
  CHECK(app.second(1).quantity == 5);
  app.policy.requests_per_second = 1e300;
  CHECK(app.second(UINT64_MAX / 4).quantity == 5);  // a whole window agrees, or nothing is removed
}

}  // namespace
}  // namespace berth::runtime
