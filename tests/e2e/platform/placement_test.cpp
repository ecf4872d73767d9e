// SPDX-License-Identifier: Apache-2.0
//
// Where replicas run: an app moves to another pool under load, and what is declared in a pool
// bounds what runs in it.
#include <algorithm>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// Room for two replicas of the size "standard".
constexpr std::string_view two_pools =
    "pools:\n  small: {labels: {trust: low}, memory: 1GiB}\n"
    "overcommit: {memory: 1}\n";

int replicas_in(Platform& berth, std::string_view pool) {
  const json::value pools = berth.json_of({"pools"});
  for (const json::value& entry : pools.as_array())
    if (entry.at("name").as_string() == pool) return entry.at("replicas").to_number<int>();
  return -1;
}

/// One of the name is "up", "crashed", …: beside it there may be one that is kept for a rollback.
bool is(std::string_view state, Platform& berth, std::string_view app, std::string_view name) {
  const json::value all = berth.json_of({"ps", "-a", std::string(app)});
  return std::ranges::any_of(all.as_array(), [&](const json::value& entry) {
    return entry.at("name").as_string() == name && entry.at("state").as_string() == state;
  });
}

TEST_CASE("an app moves between pools under load, and a pool takes no more than it has room for") {
  NEEDS_PLATFORM();
  Platform berth(two_pools);
  const auto repository = berth.deploy("preview", "mover");
  CHECK(replicas_in(berth, "default") == 1);
  Load load([&] { return berth.get("mover"); }, 2);
  const std::string placed = berth.must({"placement:set", "trust=low", "-a", "mover"});
  CHECK_MESSAGE(placed.find("Pools:     small") != std::string::npos, placed);
  CHECK(eventually([&] {
    return replicas_in(berth, "small") == 1 && replicas_in(berth, "default") == 0;
  }, 60s));

  // A third has no room, is told why, and disturbs nobody.
  berth.must({"ps:scale", "web=3", "-a", "mover"});
  CHECK(eventually([&] { return is("crashed", berth, "mover", "web.3"); }, 60s));
  CHECK(eventually([&] { return is("up", berth, "mover", "web.2"); }, 60s));
  const std::string why = "no room: it declares 0.5 GB, and 1.0 GB of the 1.0 GB that small takes "
                          "are declared";
  CHECK(berth.must({"ps", "-a", "mover"}).find(why) != std::string::npos);
  const Output refused = berth.cli({"run", "-a", "mover", "--no-tty", "--", "true"});
  CHECK_FALSE(refused.status.success());
  CHECK_MESSAGE(refused.err.find(why) != std::string::npos, refused.err);

  // A deploy takes the room of what it replaces.
  berth.must({"ps:scale", "web=2", "-a", "mover"});
  REQUIRE(write_file(repository / "color.txt", "green\n", 0644).has_value());
  berth.commit(repository, "green");
  const Output pushed = berth.push(repository);
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  load.stop();
  CHECK(load.succeeded() > 0);
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());

  // A preview has the room that is left, until the app itself wants it.
  berth.must({"ps:scale", "web=1", "-a", "mover"});
  REQUIRE(eventually([&] { return replicas_in(berth, "small") == 1; }, 60s));
  REQUIRE(berth.git(repository, {"push", "berth", "HEAD:refs/previews/one"}).status.success());
  CHECK(berth.get("one--mover").status == 200);
  berth.must({"ps:scale", "web=2", "-a", "mover"});
  CHECK(eventually([&] { return is("up", berth, "mover", "web.2"); }, 60s));
  CHECK(eventually([&] { return !is("up", berth, "one--mover", "web.1"); }, 60s));
  CHECK(berth.must({"logs", "-a", "one--mover", "-n", "100"}).find("previews give way first") !=
        std::string::npos);

  const Output nowhere = berth.cli({"placement:set", "pool=large", "-a", "mover"});
  CHECK_FALSE(nowhere.status.success());
  CHECK_MESSAGE(nowhere.err.find("There are: default, small") != std::string::npos, nowhere.err);
  berth.must({"placement:unset", "-a", "mover"});
  CHECK(eventually([&] { return replicas_in(berth, "default") >= 2; }, 60s));
}

TEST_CASE("an app's containers are made by what it asks for, without a failed request") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("static-site", "made");
  Load load([&] { return berth.get("made"); }, 1);
  for (const std::string maker : {"crun", "runc", "native"}) {
    CAPTURE(maker);
    berth.must({"placement:set", "oci=" + maker, "-a", "made"});
    CHECK(eventually([&] {
      const json::value all = berth.json_of({"ps", "-a", "made"});
      if (all.as_array().size() != 1 || all.as_array()[0].at("state") != "up") return false;
      const std::string id(all.as_array()[0].at("id").as_string());
      const auto note = read_file(berth.data() / "replicas" / id / "replica.json");
      return note.has_value() && note->find("\"maker\":\"" + maker + "\"") != note->npos;
    }, 60s));
  }
  load.stop();
  CHECK(load.succeeded() > 0);
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  berth.destroy("made");
}

}  // namespace
}  // namespace berth::test
