// SPDX-License-Identifier: Apache-2.0
//
// Thousands of seeds through the simulated world. A failing seed prints its number and its story;
// it is then kept below for ever.
#include <doctest/doctest.h>

#include <cstdlib>

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
  const auto& story = world.story();
  for (std::size_t i = story.size() > 40 ? story.size() - 40 : 0; i < story.size(); ++i)
    text += "\n    " + story[i];
  return text;
}

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST_CASE("whatever goes wrong, the scheduler keeps its promises, and calm brings what is wanted") {
  const std::uint64_t first = number_from_environment("BERTH_SIM_SEED", 1);
  const std::uint64_t count = number_from_environment("BERTH_SIM_SEEDS", 2000);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    const std::string broken = broken_promise(seed);
    CHECK_MESSAGE(broken.empty(), "seed ", seed, ": ", broken);
    if (!broken.empty()) ++failures;
  }
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
