// SPDX-License-Identifier: Apache-2.0
//
// Cron jobs through thousands of seeds of a world in which servers die and clocks jump.
#include <doctest/doctest.h>

#include "tests/sim/cron_world.hpp"
#include "tests/sim/seeds.hpp"

namespace berth::sim {
namespace {

std::string broken_promise(std::uint64_t seed, bool plant_bug = false) {
  CronWorld world(seed, plant_bug);
  try {
    world.run();
    return {};
  } catch (const CronBroken& broken) {
    return with_story(broken.what(), world.story(), 30);
  }
}

TEST_CASE("no time of a cron job is run twice, missed ones become what the job says, and in calm "
          "each becomes something") {
  try_seeds(200, [](std::uint64_t seed) { return broken_promise(seed); });
}

TEST_CASE("a store that forgets what was decided is found out") {
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 100 && !found; ++seed)
    found = broken_promise(seed, /*plant_bug=*/true).find("runs twice") != std::string::npos;
  CHECK(found);
}

}  // namespace
}  // namespace berth::sim
