// SPDX-License-Identifier: Apache-2.0
//
// An app that keeps a SQLite file on a volume and refuses to share it: deploys, crashes, snapshots.
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* app = "visits";

/// The sample with its volume, deployed once for all cases of this file.
const std::filesystem::path& visits() {
  static const std::filesystem::path repository = [] {
    Platform& berth = platform();
    const auto made = berth.repository("visits-on-a-volume");
    berth.must({"create", app}, made);
    CHECK(berth.must({"volumes:create", "data", "--mount", "web:/data", "--size", "64m", "-a",
                      app}) == "Created data of 64m at web:/data\n");
    berth.must({"config:set", "DATA=/data", "-a", app});
    const Output pushed = berth.push(made);
    REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
    return made;
  }();
  return repository;
}

int count_of(const HttpResponse& response) {
  return response.status == 200 ? std::atoi(response.body.c_str()) : -1;
}

/// Without adding to them.
int count() { return count_of(platform().get(app, "/count")); }

std::string first_replica() {
  const json::value all = platform().json_of({"ps", "-a", app});
  return all.as_array().empty() ? "" : std::string(all.at(0).at("id").as_string());
}

bool was_shared() {
  return platform().must({"logs", "-a", app, "-n", "5000"}).find("another process has the data") !=
         std::string::npos;
}

TEST_CASE("a volume outlives deploys, which lose no request and never have two writers") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto& repository = visits();
  CHECK(count_of(berth.get(app)) >= 1);
  const int before = count();
  Load load([&] { return berth.get(app); }, 2);
  for (int round = 1; round <= 3; ++round) {
    std::ofstream(repository / "app.py", std::ios::app) << "# round " << round << "\n";
    berth.commit(repository, "round");
    const Output pushed = berth.push(repository);
    CHECK_MESSAGE(pushed.status.success(), pushed.err);
  }
  berth.must({"ps:restart", "-a", app});
  const std::string last = first_replica();
  CHECK(eventually([&, served = load.succeeded()] { return load.succeeded() > served + 20; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(count() >= before + static_cast<int>(load.succeeded()));
  CHECK_FALSE(was_shared());
}

TEST_CASE("a release that falls leaves the old one with the volume") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto& repository = visits();
  const int before = count();
  std::ofstream(repository / "Procfile") << "web: sh -c 'sleep 1; exit 3'\n";
  berth.commit(repository, "ends at once");
  Load load([&] { return berth.get(app, "/count"); }, 1);
  CHECK_FALSE(berth.push(repository).status.success());
  CHECK(eventually([&, served = load.succeeded()] { return load.succeeded() > served + 5; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(count() == before);
  std::ofstream(repository / "Procfile") << "web: python app.py\n";
  berth.commit(repository, "works");
}

TEST_CASE("one replica has an exclusive volume, and whoever wants more is told how") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)visits();
  const Output scaled = berth.cli({"ps:scale", "web=2", "-a", app});
  CHECK_FALSE(scaled.status.success());
  CHECK(scaled.err.find("web can have one replica only: its volume data is for one at a time") !=
        std::string::npos);
  CHECK_FALSE(
      berth.cli({"autoscale", "web", "--min", "0", "--max", "2", "--rps", "5", "-a", app})
          .status.success());
  const Output other = berth.cli({"volumes:create", "x", "--mount", "run:/data", "-a", app});
  CHECK(other.err.find("shared volumes only") != std::string::npos);
  CHECK(berth.must({"run", "-a", app, "--", "test -e /data || echo none"}).find("none") !=
        std::string::npos);
}

TEST_CASE("kill -9 of the server loses nothing of a volume, nor does the end of its replica") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)visits();
  const int before = count_of(berth.get(app));
  const std::string replica = first_replica();
  berth.kill_server();
  CHECK(count_of(berth.get(app)) == before + 1);
  berth.start_server();
  REQUIRE(eventually([&] { return !first_replica().empty(); }));
  CHECK(first_replica() == replica);
  CHECK(count_of(berth.get(app)) == before + 2);
  berth.must({"ps:stop", "web.1", "-a", app});
  CHECK(count_of(berth.get(app)) == before + 3);
  CHECK_FALSE(was_shared());
}

TEST_CASE("a snapshot is put back while requests wait, and what was there is one, too") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)visits();
  const int then = count_of(berth.get(app));
  CHECK(berth.must({"volumes:snapshot", "data", "--description", "then", "-a", app})
            .starts_with("Made snapshot s1 of data"));
  const int later = count_of(berth.get(app));
  CHECK(later == then + 1);
  Load load([&] { return berth.get(app, "/count"); }, 1);
  CHECK(berth.must({"volumes:restore", "data", "s1", "-a", app}).starts_with("Restored data"));
  CHECK(eventually([&] { return count() == then; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  const json::value snapshots = berth.json_of({"volumes:snapshots", "data", "-a", app});
  REQUIRE(snapshots.as_array().size() == 2);
  CHECK(snapshots.at(0).at("description") == "before it was restored from s1");
  berth.must({"volumes:restore", "data", "s2", "-a", app});
  CHECK(eventually([&] { return count() == later; }));
  berth.must({"volumes:snapshots:destroy", "data", "s1", "-a", app});
  CHECK_FALSE(was_shared());
}

TEST_CASE("a restore that the server is killed in is finished by the next server") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)visits();
  const int then = count_of(berth.get(app));
  const json::value made = berth.json_of({"volumes:snapshot", "data", "-a", app});
  const std::string snapshot(made.at("name").as_string());
  CHECK(count_of(berth.get(app)) == then + 1);
  std::thread restorer(
      [&] { (void)berth.cli({"volumes:restore", "data", snapshot, "-a", app}); });
  CHECK(eventually([&] {
    const json::value volume = berth.json_of({"volumes", "-a", app}).at(0);
    return volume.at("restoring") == snapshot.c_str() || count() == then;
  }));
  berth.kill_server();
  restorer.join();
  berth.start_server();
  // Where the router has told the killed server alone that nothing is left on the old replica, the
  // next one waits for what it is given to drain, which is 30 seconds.
  CHECK(eventually([&] { return count() == then; }, 120s));
  const json::value all = berth.json_of({"volumes:snapshots", "data", "-a", app});
  CHECK(all.at(0).at("description") == ("before it was restored from " + snapshot).c_str());
  CHECK(berth.json_of({"volumes", "-a", app}).at(0).at("restoring").is_null());
  CHECK_FALSE(was_shared());
}

TEST_CASE("a volume is destroyed with its name alone, and an app's with the app") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  (void)visits();
  CHECK_FALSE(berth.cli({"volumes:destroy", "data", "-a", app}).status.success());
  berth.must({"volumes:create", "more", "--mount", "worker:/data", "--size", "32m", "-a", app});
  berth.must({"volumes:destroy", "more", "--confirm", "more", "-a", app});
  const json::value disk = berth.json_of({"system:df"});
  bool named = false;
  for (const json::value& part : disk.at("parts").as_array())
    if (part.at("name") == "volumes") named = part.at("bytes").to_number<std::int64_t>() > 0;
  CHECK(named);
  berth.destroy(app);
  CHECK(eventually([&] { return std::filesystem::is_empty(berth.data() / "volumes"); }, 30s));
}

}  // namespace
}  // namespace berth::test
