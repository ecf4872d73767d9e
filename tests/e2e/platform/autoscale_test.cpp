// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("load adds replicas, idleness removes them to zero, and the next request wakes the app") {
  NEEDS_PLATFORM();
  // Short windows, so that the test sees in seconds what the defaults do in a minute.
  Platform berth("autoscale:\n  up_window: 2s\n  down_window: 3s\n  idle_before_zero: 3s\n");
  berth.deploy("static-site", "sleepy");
  berth.must({"autoscale", "web", "--min", "0", "--max", "3", "--rps", "20", "-a", "sleepy"});
  const auto replicas = [&] { return berth.json_of({"ps", "-a", "sleepy"}).as_array().size(); };
  {
    Load load([&] { return berth.get("sleepy"); }, 4);
    CHECK(eventually([&] { return replicas() == 3; }, 30s));
    load.stop();
    CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  }
  REQUIRE(eventually([&] { return replicas() == 0; }, 60s));
  CHECK(berth.json_of({"info", "-a", "sleepy"}).at("state") == "asleep");
  const HttpResponse woken = berth.get("sleepy");
  CHECK(woken.status == 200);
  CHECK(berth.must({"logs", "-a", "sleepy", "-n", "500"})
            .find("Scaled web from 0 to 1: a request waits") != std::string::npos);
}

}  // namespace
}  // namespace berth::test
