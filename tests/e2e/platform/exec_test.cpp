// SPDX-License-Identifier: Apache-2.0
//
// `berth ps:exec`: into a replica that serves.
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

const std::string& sample() {
  static const std::string app = [] {
    platform().deploy("health-checks", "entered");
    return std::string("entered");
  }();
  return app;
}

Output exec(Platform& berth, const std::string& command, std::string input = {}) {
  return berth.cli({"ps:exec", "--no-tty", "-r", "web.1", "-a", sample(), "--", command},
                   std::move(input));
}

TEST_CASE("a command runs beside the app's own process, with its environment, and tells its exit") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const Output ran = exec(berth, "tr '\\0' ' ' < /proc/$(pgrep -x node)/cmdline; echo; "
                                 "echo $DYNO at $PORT in $PWD; exit 7");
  CHECK(ran.status.code == 7);
  CHECK_MESSAGE(ran.out == "node server.js \nweb.1 at 5000 in /app\n", ran.out, ran.err);
  CHECK(berth.must({"logs", "-a", sample(), "-n", "100"}).find("berth[web.1]: Running `tr") !=
        std::string::npos);
}

TEST_CASE("what it does to the replica stays, and what is typed reaches it") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  CHECK(exec(berth, "cat > /tmp/left", "by hand").status.success());
  CHECK(exec(berth, "cat /tmp/left").out == "by hand");
  CHECK(berth.get(sample()).status == 200);
}

TEST_CASE("without a name it is the first web replica that is up; without any, it is told") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  CHECK(berth.must({"ps:exec", "--no-tty", "-a", sample(), "--", "echo $DYNO"}) == "web.1\n");
  berth.must({"ps:scale", "web=0", "-a", sample()});
  REQUIRE(
      eventually([&] { return berth.json_of({"ps", "-a", sample()}).as_array().empty(); }, 60s));
  const Output none = berth.cli({"ps:exec", "--no-tty", "-a", sample(), "--", "true"});
  CHECK(none.status.code == 1);
  CHECK_MESSAGE(none.err.find("No replica of entered is up") != std::string::npos, none.err);
  const Output unknown = exec(berth, "true");
  CHECK(unknown.status.code == 1);
  CHECK_MESSAGE(unknown.err.find("no replica 'web.1'") != std::string::npos, unknown.err);
}

}  // namespace
}  // namespace berth::test
