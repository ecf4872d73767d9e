// SPDX-License-Identifier: Apache-2.0
//
// Which seeds a simulation tries: as many as a test says, or BERTH_SIM_SEEDS from BERTH_SIM_SEED
// on.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace berth::sim {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// `broken_promise` says what a seed breaks, or nothing. Stops after three that do.
inline void try_seeds(std::uint64_t count,
                      const std::function<std::string(std::uint64_t)>& broken_promise) {
  const std::uint64_t first = number_from_environment("BERTH_SIM_SEED", 1);
  count = number_from_environment("BERTH_SIM_SEEDS", count);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
    const std::string broken = broken_promise(seed);
    CHECK_MESSAGE(broken.empty(), "seed ", seed, ": ", broken);
    if (!broken.empty()) ++failures;
  }
}

/// A broken promise, with the last `lines` of what led to it.
inline std::string with_story(std::string text, const std::vector<std::string>& story,
                              std::size_t lines) {
  for (std::size_t i = story.size() > lines ? story.size() - lines : 0; i < story.size(); ++i)
    text += "\n    " + story[i];
  return text;
}

}  // namespace berth::sim
