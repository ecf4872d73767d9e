// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/thrash.hpp"

#include <doctest/doctest.h>

namespace berth::runtime {
namespace {

constexpr std::uint64_t limit = 512ULL << 20;

/// As a Node.js build at its limit was seen: 96 % anonymous, 160 major faults a second.
MemorySample starved(std::uint64_t faults) {
  return {.limit_bytes = limit,
          .used_bytes = limit,
          .anonymous_bytes = limit / 100 * 96,
          .major_faults = faults};
}

TEST_CASE("three seconds of reading back pages in a full group are thrashing") {
  Thrash thrash;
  CHECK_FALSE(thrash.note(starved(160)));
  CHECK_FALSE(thrash.note(starved(320)));
  CHECK(thrash.note(starved(480)));
}

TEST_CASE("a group that is full of file pages is not thrashing") {
  Thrash thrash;
  for (std::uint64_t i = 1; i < 10; ++i)
    CHECK_FALSE(thrash.note({.limit_bytes = limit,
                             .used_bytes = limit,
                             .anonymous_bytes = limit / 2,
                             .major_faults = i * 500}));
}

TEST_CASE("a second without faults begins the count anew") {
  Thrash thrash;
  CHECK_FALSE(thrash.note(starved(160)));
  CHECK_FALSE(thrash.note(starved(320)));
  CHECK_FALSE(thrash.note(starved(330)));
  CHECK_FALSE(thrash.note(starved(490)));
  CHECK_FALSE(thrash.note(starved(650)));
  CHECK(thrash.note(starved(810)));
}

TEST_CASE("a group without a limit never thrashes") {
  Thrash thrash;
  for (std::uint64_t i = 1; i < 10; ++i)
    CHECK_FALSE(thrash.note({.limit_bytes = 0,
                             .used_bytes = limit,
                             .anonymous_bytes = limit,
                             .major_faults = i * 500}));
}

}  // namespace
}  // namespace berth::runtime
