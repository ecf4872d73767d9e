// SPDX-License-Identifier: Apache-2.0
//
// Cron jobs through thousands of seeds of a world in which servers die and clocks jump.
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/sim/cron_world.hpp"

namespace berth::sim {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string broken_promise(std::uint64_t seed, bool plant_bug = false) {
  CronWorld world(seed, plant_bug);
  try {
    world.run();
    return {};
  } catch (const CronBroken& broken) {
    std::string text = broken.what();
    const auto& story = world.story();
    for (std::size_t i = story.size() > 30 ? story.size() - 30 : 0; i < story.size(); ++i)
      text += "\n    " + story[i];
    return text;
  }
}

TEST_CASE("no time of a cron job is run twice, missed ones become what the job says, and in calm "
          "each becomes something") {
  const std::uint64_t first = number_from_environment("BERTH_SIM_SEED", 1);
  const std::uint64_t count = number_from_environment("BERTH_SIM_SEEDS", 200);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    const std::string broken = broken_promise(seed);
    CHECK_MESSAGE(broken.empty(), "seed ", seed, ": ", broken);
    if (!broken.empty()) ++failures;
  }
}

TEST_CASE("a store that forgets what was decided is found out") {
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 100 && !found; ++seed)
    found = broken_promise(seed, /*plant_bug=*/true).find("runs twice") != std::string::npos;
  CHECK(found);
}

}  // namespace
}  // namespace berth::sim
