// SPDX-License-Identifier: Apache-2.0
//
// How an app's replicas are replaced, as its owner says it: how many at a time, what share of the
// requests a new release gets first, and until when one that crashes is rolled back. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace berth::platform {

/// A number of replicas, or a part of those that a process type has.
struct Share {
  int amount = 0;
  bool percent = false;
  friend bool operator==(const Share&, const Share&) = default;
};

struct RolloutSettings {
  Share surge{100, true};  ///< more replicas than the type has, while they are replaced
  Share unavailable{};     ///< of them that may be away meanwhile
  Duration rollback = 5min;  ///< a release that crashes so soon is rolled back; 0: none is
  int canary = 0;            ///< percent of the requests that a new release gets first; 0: none
  Duration promote = 10min;  ///< then it gets all, if it fares well; 0: somebody says so
  friend bool operator==(const RolloutSettings&, const RolloutSettings&) = default;
};

/// Words such as "surge=25%", "unavailable=1", "rollback=off", "canary=5%", "promote=manual", each
/// key once; what is not said is as it is by default. An error says what is wrong with which.
[[nodiscard]] Result<RolloutSettings> parse_rollout(const std::vector<std::string>& words);
/// The same, with spaces between the words.
[[nodiscard]] Result<RolloutSettings> parse_rollout(std::string_view text);
/// What differs from the default; empty: nothing does.
[[nodiscard]] std::string rollout_text(const RolloutSettings& settings);
/// All of it, by key: {"surge", "100%"}, …
[[nodiscard]] std::vector<std::pair<std::string, std::string>> rollout_values(
    const RolloutSettings& settings);

/// The settings for a type of so many replicas. Parts of a replica count as one more for the
/// surge, as none for those away; one of the two is always at least 1.
struct Steps {
  int surge = 0;
  int unavailable = 0;
  friend bool operator==(const Steps&, const Steps&) = default;
};
[[nodiscard]] Steps steps_for(const RolloutSettings& settings, int quantity);

/// How many of a type's replicas a canary with this share of the requests has: at least one.
[[nodiscard]] int canary_quantity(int quantity, int percent);

}  // namespace berth::platform
