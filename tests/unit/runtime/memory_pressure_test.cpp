// SPDX-License-Identifier: Apache-2.0
#include "runtime/health/memory_pressure.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

constexpr Time start{std::chrono::hours(1000)};

TEST_CASE("nearly all memory in use is told once, again after a while, and at once after a calm") {
  MemoryPressure pressure;
  CHECK(!pressure.note(899, 1000, start));
  CHECK(pressure.note(900, 1000, start + 5s));
  CHECK(!pressure.note(990, 1000, start + 10s));
  CHECK(!pressure.note(850, 1000, start + 15s));  // a little less is no calm
  CHECK(!pressure.note(950, 1000, start + 20s));
  CHECK(pressure.note(950, 1000, start + 306s));
  CHECK(!pressure.note(700, 1000, start + 310s));
  CHECK(pressure.note(950, 1000, start + 315s));
  CHECK(!pressure.note(950, 0, start + 3h));
}

TEST_CASE("a machine's memory is short when less than a tenth of it can be had") {
  CHECK(!memory_is_tight("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    100 kB\n"));
  CHECK(memory_is_tight("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:     99 kB\n"));
  CHECK(!memory_is_tight(""));
}

}  // namespace
}  // namespace berth::runtime
