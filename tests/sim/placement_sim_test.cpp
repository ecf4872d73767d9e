// SPDX-License-Identifier: Apache-2.0
//
// Placement through thousands of seeds of a world in which nodes are lost and come back.
#include <doctest/doctest.h>

#include "tests/sim/placement_world.hpp"
#include "tests/sim/seeds.hpp"

namespace berth::sim {
namespace {

std::string broken_promise(std::uint64_t seed, bool plant_bug = false) {
  PlacementWorld world(seed, plant_bug);
  try {
    world.run();
    return {};
  } catch (const PlacementBroken& broken) {
    return with_story(broken.what(), world.story(), 40);
  }
}

TEST_CASE("whatever nodes do, replicas are where they may be and have room, and in calm all that "
          "there is room for runs") {
  try_seeds(500, [](std::uint64_t seed) { return broken_promise(seed); });
}

TEST_CASE("a volume that is taken for being everywhere is found out") {
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 300 && !found; ++seed)
    found = broken_promise(seed, /*plant_bug=*/true).find("exclusive volume") != std::string::npos;
  CHECK(found);
}

}  // namespace
}  // namespace berth::sim
