// SPDX-License-Identifier: Apache-2.0
#include "platform/rollout.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

TEST_CASE("rollout settings are words, and read back as they were") {
  const auto settings = parse_rollout("surge=25% unavailable=1 rollback=off canary=5 promote=90s");
  REQUIRE(settings.has_value());
  CHECK(*settings == RolloutSettings{.surge = {25, true},
                                     .unavailable = {1, false},
                                     .rollback = 0s,
                                     .canary = 5,
                                     .promote = 90s});
  CHECK(rollout_text(*settings) == "surge=25% unavailable=1 rollback=off canary=5% promote=90s");
  CHECK(*parse_rollout(rollout_text(*settings)) == *settings);
  CHECK(*parse_rollout("") == RolloutSettings{});
  CHECK(rollout_text({}).empty());
  CHECK(rollout_text(*parse_rollout("promote=manual canary=off rollback=5m")) ==
        "promote=manual");
  CHECK(rollout_values({}) ==
        std::vector<std::pair<std::string, std::string>>{{"surge", "100%"},
                                                         {"unavailable", "0"},
                                                         {"rollback", "5m"},
                                                         {"canary", "off"},
                                                         {"promote", "10m"}});
}

TEST_CASE("what is no rollout setting is refused with what may be given") {
  const auto refusal = [](std::string_view text) {
    const auto settings = parse_rollout(text);
    return settings.has_error() ? settings.error().message : "accepted";
  };
  CHECK(refusal("fast") == "'fast' is not KEY=VALUE, such as surge=1");
  CHECK(refusal("speed=1") == "'speed' is no setting: there are surge, unavailable, rollback, "
                              "canary and promote");
  CHECK(refusal("surge=1 surge=2") == "'surge' is given twice");
  CHECK(refusal("surge=101%") ==
        "surge=101%: give a number of replicas, such as 1, or a part of them up to 100%");
  CHECK(refusal("unavailable=-1") ==
        "unavailable=-1: give a number of replicas, such as 1, or a part of them up to 100%");
  CHECK(refusal("surge=0") == "surge=0 needs unavailable=1 or more: nothing could be replaced");
  CHECK(refusal("rollback=1s") == "rollback=1s: give a time from 10s to 24h, such as 5m, or off");
  CHECK(refusal("promote=off") ==
        "promote=off: give a time from 10s to 24h, such as 5m, or manual");
  CHECK(refusal("canary=100%") == "canary=100%: give a part from 1% to 99%, or off");
  CHECK(refusal("canary=0") == "canary=0: give a part from 1% to 99%, or off");
}

TEST_CASE("parts of a replica are one more in the surge and none of those away") {
  const auto steps = [](std::string_view text, int quantity) {
    return steps_for(*parse_rollout(text), quantity);
  };
  CHECK(steps("surge=25% unavailable=25%", 3) == Steps{1, 0});
  CHECK(steps("surge=25% unavailable=25%", 8) == Steps{2, 2});
  CHECK(steps("surge=0 unavailable=25%", 3) == Steps{0, 1});
  CHECK(steps("surge=2", 1) == Steps{2, 0});
  CHECK(canary_quantity(1, 5) == 1);
  CHECK(canary_quantity(10, 25) == 3);
  CHECK(canary_quantity(10, 99) == 10);
}

}  // namespace
}  // namespace berth::platform
