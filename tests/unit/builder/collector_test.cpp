// SPDX-License-Identifier: Apache-2.0
#include "builder/collector.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "base/file.hpp"
#include "builder/build_record.hpp"

namespace berth::builder {
namespace {

namespace fs = std::filesystem;

/// The kernel stamps files by a clock that ticks.
constexpr Duration tick = std::chrono::milliseconds(20);

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path root = directory.path() / "data";
  ImageStore store = *ImageStore::open(root);
  Collector collector{store};

  /// An image of three layers with these contents: equal text, equal layer.
  Result<Image> build(const std::vector<std::string>& texts) {
    Image image;
    for (const std::string& text : texts) {
      BERTH_ASSIGN(const TempDir tree, TempDir::create(directory.path(), "tree-"));
      BERTH_TRY(make_directories(tree.path() / "root/app"));
      BERTH_TRY(write_file(tree.path() / "root/app/file", text));
      BERTH_ASSIGN(ImageLayer layer, store.add_layer(tree.path() / "root", "test"));
      image.layers.push_back(std::move(layer));
    }
    return store.add_image(std::move(image));
  }
  Result<Collection> collect(const Wanted& wanted, const CollectionPolicy& policy = {},
                             const std::set<std::string>& builds = {}) {
    BERTH_ASSIGN(const Inventory inventory, collector.take_inventory(wanted, builds));
    Collection collection = plan_collection(inventory, wanted, policy);
    BERTH_TRY(collector.remove(collection, wanted.busy_since));
    return collection;
  }
  [[nodiscard]] bool is_whole(const std::string& digest) const {
    const auto image = store.find(digest);
    if (image.has_error()) return false;
    for (const auto& layer : image->layers)
      if (!fs::exists(store.blob_path(layer.diff_id)) ||
          store.mountable_layer(layer.diff_id).has_error())
        return false;
    return true;
  }
  [[nodiscard]] std::size_t blobs() const {
    const fs::directory_iterator all(root / "images/blobs/sha256");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
};

TEST_CASE_FIXTURE(Fixture, "an unwanted image goes from index, blobs and layers") {
  const Image one = build({"base", "one"}).value();
  const Image two = build({"base", "two"}).value();
  REQUIRE_FALSE(store.tag("app:v1", one.digest).has_error());
  REQUIRE_FALSE(store.tag("app:v2", two.digest).has_error());
  const auto collection =
      collect({.images = {two.digest}, .hot = {two.digest}, .busy_since = now() + tick});
  REQUIRE(collection.has_value());
  CHECK(collection->blobs.size() == 3);
  CHECK(store.tags().value() == std::map<std::string, std::string>{{"app:v2", two.digest}});
  CHECK(is_whole(two.digest));
  CHECK(store.find(one.digest).error().kind == ErrorKind::not_found);
  CHECK(blobs() == 4);
  CHECK(collect({.images = {two.digest}, .busy_since = now() + tick})->empty());
}

TEST_CASE_FIXTURE(Fixture, "an unpacked layer given up for room is unpacked again") {
  const Image image = build({"base", "top"}).value();
  const Wanted wanted{.images = {image.digest}, .busy_since = now() + tick};
  REQUIRE(collect(wanted, {.missing_bytes = 1U << 30})->layers.size() == 2);
  CHECK(fs::is_empty(root / "layers"));
  CHECK(is_whole(image.digest));
}

TEST_CASE_FIXTURE(Fixture, "what was taken into use after the look at it is not removed") {
  const Image image = build({"base"}).value();
  const Time looked = now() + tick;
  while (now() < looked + tick) std::this_thread::yield();
  REQUIRE(build({"base"}).value() == image);  // the same layer, added once more
  CHECK_FALSE(store.remove_blob(image.layers[0].diff_id, looked).value());
  CHECK_FALSE(store.remove_layer_directory(image.layers[0].diff_id, looked).value());
  CHECK(is_whole(image.digest));
}

TEST_CASE_FIXTURE(Fixture,
                  "an image that somebody takes into use stays, although nothing names it yet") {
  const Image image = *build({"base", "own"});
  const Time looked = now() + tick;
  while (now() < looked + tick) std::this_thread::yield();
  REQUIRE(store.take_into_use(image).value() == image);
  REQUIRE(collect({.busy_since = looked}).has_value());
  CHECK(is_whole(image.digest));
  REQUIRE(collect({.busy_since = now() + tick}).has_value());
  CHECK_FALSE(is_whole(image.digest));
  CHECK(store.take_into_use(image).has_error());
}

TEST_CASE_FIXTURE(Fixture, "leftovers of killed builds go, those of running ones stay") {
  fs::create_directories(root / "work/dead/app");
  fs::create_directories(root / "work/alive/app");
  fs::create_directories(root / "layers/.incoming-dead/content");
  REQUIRE(collect({.busy_since = now() + tick}, {}, {"alive"}).has_value());
  CHECK_FALSE(fs::exists(root / "work/dead"));
  CHECK(fs::exists(root / "work/alive"));
  CHECK(fs::exists(root / "layers/.incoming-dead"));  // perhaps a start that unpacks
  REQUIRE(collect({.busy_since = now() + std::chrono::hours(2)}, {}, {"alive"}).has_value());
  CHECK_FALSE(fs::exists(root / "layers/.incoming-dead"));
}

TEST_CASE_FIXTURE(Fixture, "a damaged layer is put away until nothing has it mounted any more") {
  const Image image = build({"base"}).value();
  const std::string layer = image.layers[0].diff_id;
  REQUIRE_FALSE(store.put_away_layer(layer).has_error());
  CHECK_FALSE(fs::is_empty(root / "layers"));
  CHECK(is_whole(image.digest));  // unpacked again from its tar
  Wanted wanted{.images = {image.digest},
                .mounted = {layer},
                .busy_since = now() + std::chrono::hours(2)};
  REQUIRE(collect(wanted).has_value());
  CHECK(std::distance(fs::directory_iterator(root / "layers"), {}) == 2);
  wanted.mounted.clear();
  REQUIRE(collect(wanted).has_value());
  CHECK(std::distance(fs::directory_iterator(root / "layers"), {}) == 1);
  CHECK(is_whole(image.digest));
}

TEST_CASE_FIXTURE(Fixture, "what was put away goes with the next collection, however new it is") {
  fs::create_directories(root / "work/done/deep/er");
  REQUIRE_FALSE(write_file(root / "work/done/deep/er/file", "text").has_error());
  REQUIRE(store.put_away(root / "work/done").has_value());
  REQUIRE(store.put_away(root / "work/done").has_value());  // is not there any more
  CHECK_FALSE(fs::exists(root / "work/done"));
  CHECK_FALSE(fs::is_empty(root / "removed"));
  const auto collection = collect({.busy_since = now() - std::chrono::hours(1)});
  REQUIRE(collection.has_value());
  CHECK(collection->paths.size() == 1);
  CHECK(fs::is_empty(root / "removed"));
}

TEST_CASE_FIXTURE(Fixture, "a collection that is stopped leaves what it has not deleted yet") {
  fs::create_directories(root / "work/done/deep");
  REQUIRE(store.put_away(root / "work/done").has_value());
  Collector collector(store);
  collector.stop();
  CHECK(collector.remove({}, now()).has_value());
  CHECK_FALSE(fs::is_empty(root / "removed"));
  CHECK(remove_tree(root / "removed", std::atomic<bool>(true)).error().kind ==
        ErrorKind::cancelled);
  CHECK(Collector(store).remove({}, now()).has_value());
  CHECK(fs::is_empty(root / "removed"));
}

TEST_CASE_FIXTURE(Fixture, "logs of builds are found, and go when no build of theirs is kept") {
  fs::create_directories(root / "logs/builds");
  for (const char* name : {"one.log", "two.log", "README"})
    REQUIRE_FALSE(write_file(root / "logs/builds" / name, "text").has_error());
  const auto collection = collect({.builds = {"two"}, .busy_since = now() + tick});
  REQUIRE(collection.has_value());
  CHECK(collection->paths == std::vector<std::string>{"logs/builds/one.log"});
  CHECK(collection->bytes == 4);
  CHECK_FALSE(fs::exists(root / "logs/builds/one.log"));
  CHECK(fs::exists(root / "logs/builds/two.log"));
  CHECK(fs::exists(root / "logs/builds/README"));
}

TEST_CASE_FIXTURE(Fixture, "a cache given up loses source, buildpacks and private layers") {
  const std::string app = "0b5dff3a-7a4f-4cf0-9d3c-0d8f1d2f0c11";
  const fs::path cache = root / "cache" / app;
  fs::create_directories(cache / "source/tree");
  REQUIRE_FALSE(write_file(cache / "source/tree/file", std::string(100'000, 'x')).has_error());
  REQUIRE_FALSE(write_file(cache / "lock", "").has_error());
  fs::create_directories(cache / "buildpacks/git-1-2/tree");
  REQUIRE_FALSE(
      write_file(cache / "buildpacks/git-1-2/tree/bin", std::string(300'000, 'x')).has_error());
  fs::create_directories(directory.path() / "layer");
  const std::string id = store.add_private_layer(directory.path() / "layer").value();
  BuildRecord record{.key = "k",
                     .image = "",
                     .tree = "t",
                     .buildpacks = {{.id = "b/one",
                                     .version = "1",
                                     .layers = {{"deps", {.id = id, .flags = {}, .metadata = {}}}},
                                     .store = {}}}};
  REQUIRE_FALSE(write_file(cache / "metadata.json", build_record_json(record)).has_error());
  const Wanted wanted{.apps = {app}, .busy_since = now() + tick};
  CHECK(collect(wanted)->empty());
  CHECK(store.has_layer(id));
  CHECK(collect(wanted, {.cache_app_bytes = 350'000})->caches == std::vector<std::string>{app});
  CHECK_FALSE(store.has_layer(id));
  CHECK_FALSE(fs::exists(cache / "source"));
  CHECK_FALSE(fs::exists(cache / "buildpacks"));
  CHECK(fs::exists(cache / "metadata.json"));
}

TEST_CASE_FIXTURE(Fixture, "collections beside builds never take what these refer to") {
  std::mutex mutex;
  std::map<int, Time> running;
  std::deque<std::string> releases;
  std::atomic<bool> stop = false;
  const auto snapshot = [&] {
    const std::lock_guard guard(mutex);
    Wanted wanted{.images = {releases.begin(), releases.end()}, .busy_since = now()};
    for (const auto& [build, begun] : running)
      wanted.busy_since = std::min(wanted.busy_since, begun);
    wanted.busy_since -= tick;
    return wanted;
  };
  std::thread collecting([&] {
    while (!stop) CHECK(collect(snapshot()).has_value());
  });
  std::vector<std::thread> builders;
  for (int builder = 0; builder < 2; ++builder)
    builders.emplace_back([&, builder] {
      std::minstd_rand random(static_cast<unsigned>(builder) + 1);
      for (int i = 0; i < 150; ++i) {
        {
          const std::lock_guard guard(mutex);
          running[builder] = now();
        }
        // Few different layers, so that builds meet layers that are just being collected.
        const auto text = [&] { return std::to_string(random() % 6); };
        const auto image = build({text(), text(), text()});
        const std::lock_guard guard(mutex);
        running.erase(builder);
        CHECK_MESSAGE(image.has_value(), (image.has_error() ? image.error().message : ""));
        if (image.has_error()) continue;
        releases.push_back(image->digest);
        if (releases.size() > 3) releases.pop_front();
        CHECK(is_whole(image->digest));
      }
    });
  for (auto& thread : builders) thread.join();
  stop = true;
  collecting.join();
  for (const auto& release : releases) CHECK(is_whole(release));
}

TEST_CASE_FIXTURE(Fixture, "builds and collections killed at any moment leave kept images") {
  const Image kept = build({"base", "kept"}).value();
  std::minstd_rand random(7);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (int i = 0;; ++i) {
        (void)build({"base", "lost " + std::to_string(i % 5)});
        (void)collect({.images = {kept.digest}, .busy_since = now() + tick});
      }
    }
    const Time end = now() + std::chrono::microseconds(500 + random() % 20'000);
    while (now() < end) std::this_thread::yield();
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    REQUIRE(is_whole(kept.digest));
  }
  REQUIRE(
      collect({.images = {kept.digest}, .busy_since = now() + std::chrono::hours(2)}).has_value());
  CHECK(is_whole(kept.digest));
  CHECK(blobs() == 4);
  const fs::directory_iterator layers(root / "layers");
  CHECK(std::distance(begin(layers), end(layers)) == 2);
}

}  // namespace
}  // namespace berth::builder
