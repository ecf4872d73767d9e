// SPDX-License-Identifier: Apache-2.0
//
// What the collector does on a real platform: old releases go, what serves and what can be rolled
// back to stays, and space that is needed is found.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "base/crypto.hpp"
#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

/// The JSON object of one part of `berth system:df`.
json::object part(Platform& berth, std::string_view name) {
  const json::value usage = berth.json_of({"system:df"});
  for (const json::value& entry : usage.at("parts").as_array())
    if (entry.at("name").as_string() == name) return entry.as_object();
  FAIL("no part " << name);
  return {};
}

std::size_t blobs(const Platform& berth) {
  const fs::directory_iterator all(berth.data() / "images/blobs/sha256");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_CASE("images of old releases go, kept ones can be rolled back to, others say why not") {
  NEEDS_PLATFORM();
  Platform berth("images:\n  keep_releases: 2\n");
  const auto path = berth.deploy("static-site", "shop");
  const auto release = [&](const std::string& text) {
    REQUIRE_FALSE(write_file(path / "index.html", text).has_error());
    berth.commit(path, text);
    const Output pushed = berth.push(path);
    REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  };
  for (const char* text : {"two", "three", "four"}) release(text);
  // What a build left that was killed with its server. Neither it nor the images of the quick
  // releases above go at once: what is as new as this may belong to a build that begins.
  const std::string dead = "work/00000000-dead-4000-8000-000000000000";
  fs::create_directories(berth.data() / dead / "app");
  CHECK(eventually([&] {
    return berth.must({"system:prune", "--dry-run"}).find(dead) != std::string::npos;
  }));
  CHECK(fs::exists(berth.data() / dead));
  berth.must({"system:prune"});
  CHECK_FALSE(fs::exists(berth.data() / dead));
  const std::size_t kept = blobs(berth);
  CHECK(berth.get("shop").body == "four");

  const Output old = berth.cli({"rollback", "v1", "-a", "shop"});
  CHECK_FALSE(old.status.success());
  CHECK_MESSAGE(old.err.find("the image of v1 is no longer kept") != std::string::npos, old.err);
  CHECK_MESSAGE(old.err.find("git push --force berth") != std::string::npos, old.err);
  berth.must({"rollback", "v3", "-a", "shop"});
  CHECK(eventually([&] { return berth.get("shop").body == "three"; }));

  CHECK(blobs(berth) == kept);
  CHECK(part(berth, "images").at("bytes").to_number<std::uint64_t>() > 100'000'000);
  CHECK(part(berth, "images").at("reclaimable_bytes").to_number<std::uint64_t>() == 0);

  berth.destroy("shop");
  berth.must({"system:prune"});
  CHECK(blobs(berth) < kept);
  CHECK(fs::is_empty(berth.data() / "git"));
}

#if defined(__aarch64__)
constexpr const char* oci_architecture = "arm64";
#else
constexpr const char* oci_architecture = "amd64";
#endif

/// An image of so many layers of many small files, in docker's form: taking it in takes seconds.
fs::path image_of_layers(const TempDir& directory, int count) {
  json::array names;
  json::array diff_ids;
  for (int i = 0; i < count; ++i) {
    const std::string name = "layer-" + std::to_string(i);
    fs::create_directories(directory.path() / name);
    for (int file = 0; file < 400; ++file)
      REQUIRE_FALSE(
          write_file(directory.path() / name / std::to_string(file), name).has_error());
    const auto packed = run_program({.argv = {"tar", "cf", name + ".tar", name},
                                     .working_directory = directory.path().string()});
    REQUIRE(packed->status.success());
    names.emplace_back(name + ".tar");
    diff_ids.emplace_back("sha256:" +
                          sha256_hex(*read_file(directory.path() / (name + ".tar"))));
  }
  const json::object config{{"architecture", oci_architecture},
                            {"os", "linux"},
                            {"config", json::object{{"Cmd", json::array{"/bin/true"}}}},
                            {"rootfs", json::object{{"type", "layers"}, {"diff_ids", diff_ids}}}};
  REQUIRE_FALSE(write_file(directory.path() / "config.json", to_text(config)).has_error());
  std::vector<std::string> argv = {"tar", "cf", "image.tar", "manifest.json", "config.json"};
  for (const json::value& name : names) argv.emplace_back(name.as_string());
  const json::array manifest{json::object{{"Config", "config.json"},
                                          {"RepoTags", json::array{"many/layers:1"}},
                                          {"Layers", std::move(names)}}};
  REQUIRE_FALSE(write_file(directory.path() / "manifest.json", to_text(manifest)).has_error());
  const auto packed =
      run_program({.argv = argv, .working_directory = directory.path().string()});
  REQUIRE(packed->status.success());
  return directory.path() / "image.tar";
}

TEST_CASE("an image that is imported while collections run, one after the other, is whole") {
  NEEDS_PLATFORM();
  Platform berth;
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const fs::path archive = image_of_layers(directory, 90);
  std::atomic<bool> done = false;
  std::atomic<int> collections = 0;
  std::thread collecting([&] {
    while (!done) {
      const auto pruned = berth.api("POST", "/disk-usage/actions/prune", "{}");
      collections += pruned.status == 200 ? 1 : 0;
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  const Output imported = berth.cli({"images:import", archive.string()});
  const auto lasted = std::chrono::steady_clock::now() - begun;
  done = true;
  collecting.join();
  REQUIRE_MESSAGE(imported.status.success(), imported.err);
  CHECK(collections > 1);
  // Longer than the collector leaves alone whatever is new; else this shows nothing.
  CHECK(lasted > std::chrono::milliseconds(1500));
  berth.must({"system:prune"});
  const auto copied = run_program(
      {.argv = {"skopeo", "copy", "--insecure-policy",
                "oci:" + (berth.data() / "images").string() + ":image/many/layers:1",
                "dir:" + (directory.path() / "copy").string()}},
      {}, std::chrono::minutes(5));
  CHECK_MESSAGE(copied->status.success(), copied->err);
}

TEST_CASE("builds' logs: those of an app's last builds stay, older ones go") {
  NEEDS_PLATFORM();
  Platform berth("logs:\n  keep_builds: 2\n");
  const auto path = berth.deploy("static-site", "shop");
  for (const char* text : {"two", "three"}) {
    REQUIRE_FALSE(write_file(path / "index.html", text).has_error());
    berth.commit(path, text);
    const Output pushed = berth.push(path);
    REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  }
  const json::value builds = berth.json_of({"builds", "-a", "shop"});
  const auto log = [&](std::size_t number) {
    return berth.data() / "logs/builds" /
           (std::string(builds.as_array().at(number).at("id").as_string()) + ".log");
  };
  CHECK(eventually([&] {
    berth.must({"system:prune"});
    return !fs::exists(log(2));
  }));
  CHECK(fs::exists(log(0)));
  CHECK(fs::exists(log(1)));
  const std::string oldest(builds.as_array().at(2).at("id").as_string());
  CHECK(berth.must({"builds:output", oldest, "-a", "shop"}).find("no longer kept") !=
        std::string::npos);
  CHECK(berth.must({"builds:output", "-a", "shop"}).find("-----> Image") != std::string::npos);
  berth.destroy("shop");
  CHECK(eventually([&] {
    berth.must({"system:prune"});
    return fs::is_empty(berth.data() / "logs/builds");
  }));
}

TEST_CASE("when room is short caches go before a push is refused, and what runs goes on") {
  NEEDS_PLATFORM();
  Platform plenty;
  const auto path = plenty.deploy("static-site", "shop");
  plenty.stop_server();
  // More than any disk has: always short.
  plenty.set_config("min_free_disk: 4096TiB\n");
  plenty.start_server();
  const auto cache = plenty.data() / "cache";
  const auto has_source = [&] {
    for (const auto& app : fs::directory_iterator(cache))
      if (fs::exists(app.path() / "source")) return true;
    return false;
  };
  plenty.commit(path, "again");
  const Output pushed = plenty.push(path);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("the disk is nearly full") != std::string::npos, pushed.err);
  // A cache that was used a moment ago may belong to a build that begins: a later push has it.
  CHECK(eventually([&] {
    if (has_source()) CHECK_FALSE(plenty.push(path).status.success());
    return !has_source();
  }));
  CHECK(plenty.get("shop").status == 200);
  plenty.must({"ps:restart", "-a", "shop"});
  CHECK(eventually([&] { return plenty.get("shop").status == 200; }));
}

TEST_CASE("kill -9 of the server while it builds and collects loses no image that is kept") {
  NEEDS_PLATFORM();
  Platform berth("images:\n  keep_releases: 2\n");
  const auto path = berth.deploy("static-site", "shop");
  const auto count = [&](std::string_view what) {
    return berth.json_of({std::string(what), "-a", "shop"}).as_array().size();
  };
  // Killed at the first sign of each step of a push, and once it is through.
  std::size_t before = 0;
  const std::vector<std::function<bool()>> moments = {
      [&] { return count("builds") > before; },
      [&] { return !fs::is_empty(berth.data() / "work"); },
      [&] { return blobs(berth) > before; },
      [&] { return count("releases") > before; },
      [&] { return berth.get("shop").body == "round 4"; }};
  for (std::size_t round = 0; round < moments.size(); ++round) {
    REQUIRE_FALSE(write_file(path / "index.html", "round " + std::to_string(round)).has_error());
    berth.commit(path, "round");
    berth.must({"system:prune"});
    before = round == 0 ? count("builds") : round == 2 ? blobs(berth) : count("releases");
    std::thread pusher([&] { (void)berth.push(path); });
    std::thread pruner([&] { (void)berth.cli({"system:prune"}); });
    const bool reached = eventually(moments[round]);
    berth.kill_server();
    pusher.join();
    pruner.join();
    CHECK_MESSAGE(reached, "moment " << round);
    berth.start_server();
    CHECK(eventually([&] { return berth.get("shop").status == 200; }));
  }
  REQUIRE_FALSE(write_file(path / "index.html", "round 5").has_error());
  berth.commit(path, "last");
  const Output last = berth.push(path);
  REQUIRE_MESSAGE(last.status.success(), last.err);
  berth.must({"system:prune"});
  CHECK(berth.get("shop").body == "round 5");
  // Every release that may be rolled back to is whole: each is started once.
  const json::value releases = berth.json_of({"releases", "-a", "shop"});
  int tried = 0;
  for (const json::value& release : releases.as_array()) {
    if (release.at("status").as_string() != "succeeded" || ++tried > 2) continue;
    const auto version = "v" + std::to_string(release.at("version").to_number<int>());
    const Output back = berth.cli({"rollback", version, "-a", "shop"});
    CHECK_MESSAGE(back.status.success(), back.err);
    CHECK(eventually([&] { return berth.get("shop").status == 200; }));
  }
}

}  // namespace
}  // namespace berth::test
