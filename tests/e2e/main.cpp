// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/e2e/e2e.hpp"

#include <csignal>
#include <memory>

namespace berth::test {

namespace {
std::unique_ptr<Platform> shared;
}

Platform& platform() {
  if (!shared) shared = std::make_unique<Platform>();
  return *shared;
}

}  // namespace berth::test

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  doctest::Context context(argc, argv);
  const int result = context.run();
  berth::test::shared.reset();
  return result;
}
