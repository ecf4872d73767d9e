// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/start_turns.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace berth::runtime {

TEST_CASE("so many start at a time, and the others when it is their turn") {
  StartTurns turns(2);
  std::size_t starting = 0;
  const auto take = [&](const std::string& app) {
    const bool taken = turns.take(app, [&] { return starting; });
    starting += taken ? 1 : 0;
    return taken;
  };
  CHECK(take("a"));
  CHECK(take("b"));
  CHECK_FALSE(take("c"));
  CHECK_FALSE(take("d"));
  CHECK_FALSE(take("c"));  // asks again, and waits once
  CHECK(turns.next(starting).empty());
  --starting;
  CHECK_FALSE(take("e"));  // does not overtake those that wait
  CHECK(turns.next(starting) == std::vector<std::string>{"c"});
  CHECK(take("c"));
  CHECK_FALSE(take("c"));  // its second replica waits behind the others
  starting = 0;
  CHECK(turns.next(starting) == std::vector<std::string>{"d", "e"});
  CHECK(take("d"));
  CHECK(take("e"));
  starting = 0;
  CHECK(turns.next(starting) == std::vector<std::string>{"c"});
  CHECK(take("c"));
  CHECK(turns.empty());
}

TEST_CASE("whatever starts slowly, fails or goes away, each app comes to start what it wants") {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t most = 1 + random() % 8;
    StartTurns turns(most);
    std::map<std::string, int> missing;
    for (std::uint32_t app = 0; app < 1 + random() % 40; ++app)
      missing["app-" + std::to_string(app)] = static_cast<int>(random() % 5);
    std::vector<std::pair<std::string, std::uint32_t>> starting;  // and when it ends to
    const auto ask = [&](const std::string& app) {
      while (missing[app] > 0) {
        if (!turns.take(app, [&] { return starting.size(); })) return;
        --missing[app];
        starting.emplace_back(app, random() % 20);
      }
    };
    for (auto& [app, count] : missing) ask(app);
    int rounds = 0;
    while (!starting.empty() || !turns.empty()) {
      REQUIRE(starting.size() <= most);
      REQUIRE(++rounds < 100'000);
      std::erase_if(starting, [&](auto& each) {
        if (each.second-- > 0) return false;
        if (random() % 10 == 0) ++missing[each.first];  // it failed, and is tried again
        return true;
      });
      if (random() % 3 == 0) ask("app-0");  // somebody changes something meanwhile
      for (const std::string& app : turns.next(starting.size())) {
        if (random() % 50 == 0) missing[app] = 0;  // it was destroyed
        ask(app);
      }
      for (auto& [app, count] : missing)
        if (count > 0 && !turns.is_waiting(app)) ask(app);  // as a crash is noticed
    }
    for (const auto& [app, count] : missing) CHECK(count == 0);
  }
}

}  // namespace berth::runtime
