// SPDX-License-Identifier: Apache-2.0
//
// The platform that the tests of one executable share.
#pragma once

#include <doctest/doctest.h>

#include "tests/support/platform.hpp"

namespace berth::test {

/// Started at the first call, ended after the last test.
[[nodiscard]] Platform& platform();

}  // namespace berth::test

/// Ends the test case with a counted notice if this machine cannot run a platform.
#define NEEDS_PLATFORM()                                              \
  if (const auto why = berth::test::cannot_run_platform()) {          \
    MESSAGE("SKIP: " << *why);                                        \
    return;                                                           \
  }
