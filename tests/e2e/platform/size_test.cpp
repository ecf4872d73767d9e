// SPDX-License-Identifier: Apache-2.0
//
// How large replicas are: said by app.json, changed by hand, reached, and told.
#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// The sample, deployed once for all cases of this file.
const std::string& sample() {
  static const std::string app = [] {
    platform().deploy("grows", "grows");
    return std::string("grows");
  }();
  return app;
}

/// The size of the app's one replica that is up; empty while there are none or several.
std::string size_of_only(Platform& berth) {
  const json::value all = berth.json_of({"ps", "-a", sample()});
  if (all.as_array().size() != 1 || all.as_array()[0].at("state") != "up") return {};
  return std::string(all.as_array()[0].at("size").as_string());
}

bool logged(Platform& berth, std::string_view text) {
  return berth.must({"logs", "-a", sample(), "-n", "500"}).find(text) != std::string::npos;
}

TEST_CASE("an app begins with the size that its app.json says") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  CHECK(size_of_only(berth) == "200m/0.5cpu");
  const json::value web = berth.json_of({"ps:type", "-a", sample()}).at(0);
  CHECK(web.at("limits").at("memory_bytes") == 200 << 20);
  CHECK(web.at("limits").at("cpu_milli") == 500);
}

TEST_CASE("another size replaces the replicas without a release and without a failed request") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)sample();
  const auto releases = [&] {
    return berth.json_of({"releases", "-a", sample()}).as_array().size();
  };
  const auto before = releases();
  Load load([&] { return berth.get(sample()); }, 2);
  const std::string shown = berth.must({"ps:type", "web=160m/0.5cpu", "-a", sample()});
  CHECK_MESSAGE(shown.find("160 MB") != std::string::npos, shown);
  CHECK(eventually([&] { return size_of_only(berth) == "160m/0.5cpu"; }, 60s));
  load.stop();
  CHECK(load.succeeded() > 0);
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(releases() == before);
}

TEST_CASE("a size that is none is refused with what there is") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const Output refused = berth.cli({"ps:type", "web=huge", "-a", sample()});
  CHECK(refused.status.code == 1);
  CHECK_MESSAGE(refused.err.find("There is: standard") != std::string::npos, refused.err);
}

TEST_CASE("memory nearly used up is R14 in the log, and at its limit R15, with what to do") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.must({"ps:type", "web=160m/0.5cpu", "-a", sample()});
  REQUIRE(eventually([&] { return size_of_only(berth) == "160m/0.5cpu"; }, 60s));
  CHECK(berth.get(sample(), "/?mb=148").status == 200);
  CHECK(
      eventually([&] { return logged(berth, "Error R14 (Memory quota exceeded): uses 14"); }, 60s));
  CHECK(logged(berth, " MB of its 160 MB (9"));
  CHECK(!logged(berth, "Error R15"));
  (void)berth.get(sample(), "/?mb=400");
  CHECK(eventually([&] {
    return logged(berth, "Error R15 (Memory quota vastly exceeded): needed more than its limit of "
                         "160 MB");
  }, 60s));
  CHECK(logged(berth, "A larger size: berth ps:type web=320m -a grows"));
}

TEST_CASE("a one-off gets the size that it is started with") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const Output ran = berth.cli({"run", "--no-tty", "--size", "96m", "-a", sample(), "--",
                                "node -e 'Buffer.alloc(300 << 20, 1)'"});
  CHECK(!ran.status.success());
  CHECK(eventually([&] { return logged(berth, "needed more than its limit of 96 MB"); }));
}

}  // namespace
}  // namespace berth::test
