// SPDX-License-Identifier: Apache-2.0
//
// Thousands of seeds through the simulated world. A failing seed prints its number and its story;
// it is then kept below for ever.
#include <doctest/doctest.h>

#include "tests/sim/seeds.hpp"
#include "tests/sim/world.hpp"

namespace berth::sim {
namespace {

/// The broken promise and the last of what led to it, or nothing.
std::string broken_promise(std::uint64_t seed, bool plant_bug = false) {
  try {
    World(seed, /*trace=*/false, plant_bug).run();
    return {};
  } catch (const Broken&) {
  }
  World world(seed, /*trace=*/true, plant_bug);
  std::string text;
  try {
    world.run();
  } catch (const Broken& broken) {
    text = broken.what();
  }
  return with_story(std::move(text), world.story(), 40);
}

TEST_CASE("whatever goes wrong, the scheduler keeps its promises, and calm brings what is wanted") {
  try_seeds(2000, [](std::uint64_t seed) { return broken_promise(seed); });
}

TEST_CASE("a planted bug, a drain that is believed too early, is found within 1,000 seeds") {
  std::string found;
  std::uint64_t seed = 0;
  while (found.empty() && seed < 1000) found = broken_promise(++seed, /*plant_bug=*/true);
  INFO("seed ", seed);
  // A replica that still has requests is stopped, or frozen.
  CHECK_MESSAGE(found.find("requests") != std::string::npos, found);
}

}  // namespace
}  // namespace berth::sim
