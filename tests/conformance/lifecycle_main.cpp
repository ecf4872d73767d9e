// SPDX-License-Identifier: Apache-2.0
//
// Every test of the lifecycle runs in a sandbox: where none can be made, all are skipped, with the
// reason.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>

#include "tests/support/chroot_sandbox.hpp"

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  if (const auto obstacle = berth::test::chroot_sandbox_obstacle(); !obstacle.empty()) {
    std::printf("SKIP: %s\n", obstacle.c_str());
    return 0;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
