// SPDX-License-Identifier: Apache-2.0
//
// berth-shim: `run DIRECTORY` keeps one container, `agent` is the first process in it.
#include <string_view>
#include <unistd.h>

#include "runtime/engine/local/shim/agent.hpp"
#include "runtime/engine/local/shim/shim.hpp"

int main(int argc, char** argv) {
  using namespace berth::runtime::shim;
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "run" && argc == 3) return run_shim(argv[2]);
  if (role == "agent" && argc == 2) return run_agent();
  constexpr std::string_view usage = "berth-shim is started by berth, not by hand\n";
  [[maybe_unused]] const ssize_t ignored = ::write(2, usage.data(), usage.size());
  return 2;
}
