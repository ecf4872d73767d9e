// SPDX-License-Identifier: Apache-2.0
#include "builder/collection.hpp"

#include <doctest/doctest.h>

namespace berth::builder {
namespace {

constexpr Time at(int seconds) { return Time{std::chrono::seconds(seconds)}; }

/// Images "m1" (layers a, b) and "m2" (layers a, c) of two releases, all long in place.
struct World {
  Inventory inventory;
  Wanted wanted{.images = {"m1", "m2"}, .hot = {"m2"}, .apps = {"app"}, .busy_since = at(1000)};
  CollectionPolicy policy;

  World() {
    blob("m1", 1), blob("c1", 1), blob("m2", 1), blob("c2", 1);
    for (const char* id : {"a", "b", "c"}) layer(id, 100);
    inventory.images = {{"m1", {"c1", {"a", "b"}}}, {"m2", {"c2", {"a", "c"}}}};
    inventory.tags = {{"shop:v1", "m1"}, {"shop:v2", "m2"}};
  }
  void blob(const std::string& digest, std::uint64_t bytes, Time changed = at(10)) {
    inventory.blobs[digest] = {bytes, changed};
  }
  void layer(const std::string& id, std::uint64_t bytes, Time changed = at(10)) {
    blob(id, bytes, changed);
    inventory.layers[id] = {bytes, changed};
  }
  void private_layer(const std::string& id, std::uint64_t bytes, Time changed = at(10)) {
    inventory.layers["private:" + id] = {bytes, changed};
  }
  [[nodiscard]] Collection plan() const { return plan_collection(inventory, wanted, policy); }
};

using Names = std::vector<std::string>;

TEST_CASE("what kept releases refer to stays, whole") { CHECK(World().plan().empty()); }

TEST_CASE("an image that no release keeps goes with its name and its own layers") {
  World world;
  world.wanted.images = {"m2"};
  const Collection plan = world.plan();
  CHECK(plan.tags == Names{"shop:v1"});
  CHECK(plan.blobs == Names{"c1", "m1", "b"});  // the manifest before the layer
  CHECK(plan.layers == Names{"b"});
  CHECK(plan.bytes == 202);
}

TEST_CASE("a runtime stays while it is used now and then, and room is not short") {
  World world;
  world.layer("r", 100);
  world.inventory.runtimes = {{"runtimes/a.tool-1.json", {"r", at(500)}}};
  world.policy.unused_since = at(400);
  CHECK(world.plan().empty());
  SUBCASE("not used for long") { world.policy.unused_since = at(600); }
  SUBCASE("room is short") { world.policy.missing_bytes = 1; }
  const Collection plan = world.plan();
  CHECK(plan.paths == Names{"runtimes/a.tool-1.json"});
  CHECK(plan.layers == Names{"r"});
  CHECK(plan.blobs == Names{"r"});
  // What is in use now is somebody's, and an app that has the layer keeps it without the runtime.
  world.wanted.busy_since = at(450);
  CHECK(world.plan().paths.empty());
  world.wanted.busy_since = at(1000);
  world.inventory.caches["app"] = {.image = "m2", .layers = {"r"}};
  CHECK(world.plan().blobs.empty());
}

TEST_CASE("an image of a registry stays while it is used now and then, and room is not short") {
  World world;
  world.blob("m3", 1, at(500)), world.blob("c3", 1), world.layer("d", 100);
  world.inventory.images["m3"] = {"c3", {"a", "d"}};
  world.inventory.tags["fetched/registry/site:v1@sha256:1"] = "m3";
  world.policy.unused_since = at(400);
  CHECK(world.plan().empty());
  SUBCASE("not used for long") { world.policy.unused_since = at(600); }
  SUBCASE("room is short") { world.policy.missing_bytes = 1; }
  CHECK(world.plan().tags == Names{"fetched/registry/site:v1@sha256:1"});
  CHECK(world.plan().layers == Names{"d"});
  CHECK(world.plan().blobs == Names{"c3", "m3", "d"});
  // What is in use now is somebody's.
  world.policy.missing_bytes = 0;
  world.wanted.busy_since = at(450);
  CHECK(world.plan().empty());
}

TEST_CASE("what changed since the oldest build began is somebody's and stays, referred to or not") {
  World world;
  world.layer("new", 50, at(1000));
  world.private_layer("new", 50, at(2000));
  world.inventory.leftovers["work/b1"] = {5, at(1001)};
  world.inventory.directories["git/unknown.git"] = {0, at(1001)};
  CHECK(world.plan().empty());
  world.wanted.busy_since = at(3000);
  const Collection plan = world.plan();
  CHECK(plan.layers == Names{"new", "private:new"});
  CHECK(plan.paths == Names{"git/unknown.git", "work/b1"});
}

TEST_CASE("a name that is no release's keeps its image: base images, imports") {
  World world;
  world.wanted.images = {"m2"};
  world.inventory.tags = {{"stack/run", "m1"}, {"shop:v2", "m2"}};
  CHECK(world.plan().empty());
  CHECK(is_release_tag("shop:v12"));
  CHECK_FALSE(is_release_tag("stack/run"));
  CHECK_FALSE(is_release_tag("docker.io/library/traefik:v3"));
  CHECK_FALSE(is_release_tag("debian:bookworm-slim"));
  CHECK_FALSE(is_release_tag("shop:v"));
  CHECK_FALSE(is_release_tag(":v1"));
}

TEST_CASE("an app's last build keeps its image and its cached layers; those of others go") {
  World world;
  world.wanted.images = {"m2"};
  world.private_layer("used", 70);
  world.private_layer("lost", 30);
  world.inventory.caches["app"] = {"m1", {"a", "private:used"}, 10, at(500)};
  const Collection plan = world.plan();
  CHECK(plan.layers == Names{"private:lost"});
  CHECK(plan.blobs.empty());
  CHECK(plan.tags == Names{"shop:v1"});
}

TEST_CASE("logs of builds go with all but an app's last builds, and with the app") {
  World world;
  for (const char* build : {"old", "kept", "of-an-app-that-is-gone", "begun"})
    world.inventory.build_logs[build] = {7, at(10)};
  world.inventory.build_logs["begun"].changed = at(1001);
  world.wanted.builds = {"kept", "never-logged"};
  const Collection plan = world.plan();
  CHECK(plan.paths == Names{"logs/builds/of-an-app-that-is-gone.log", "logs/builds/old.log"});
  CHECK(plan.bytes == 14);
  CHECK(plan.blobs.empty());
}

TEST_CASE("what an app that is gone left behind goes: cache, repository, logs, private layers") {
  World world;
  world.private_layer("old", 70);
  world.inventory.caches["gone"] = {"", {"private:old"}, 10, at(500)};
  for (const char* path : {"cache/gone", "git/gone.git", "logs/gone", "cache/app", "git/app.git"})
    world.inventory.directories[path] = {0, at(10)};
  const Collection plan = world.plan();
  CHECK(plan.paths == Names{"cache/gone", "git/gone.git", "logs/gone"});
  CHECK(plan.layers == Names{"private:old"});
}

TEST_CASE("an app's cache over its limit is given up, and of all the least recently used") {
  World world;
  world.wanted.apps = {"large", "old", "new"};
  for (const char* id : {"large", "old", "new"}) world.private_layer(id, 100);
  world.inventory.caches["large"] = {"", {"private:large"}, 300, at(900)};
  world.inventory.caches["old"] = {"", {"private:old"}, 50, at(100)};
  world.inventory.caches["new"] = {"", {"private:new"}, 50, at(800)};
  CHECK(world.plan().caches.empty());
  world.policy.cache_app_bytes = 350;
  CHECK(world.plan().caches == Names{"large"});
  CHECK(world.plan().bytes == 400);
  world.policy.cache_app_bytes = 0;
  world.policy.cache_bytes = 600;
  CHECK(world.plan().caches == Names{"old"});
  world.policy.cache_bytes = 1;
  CHECK(world.plan().caches == Names{"old", "new", "large"});
}

TEST_CASE("a cache that a build uses now is never given up") {
  World world;
  world.private_layer("x", 100);
  world.inventory.caches["app"] = {"", {"private:x"}, 50, at(1500)};
  world.policy = {.cache_app_bytes = 1, .cache_bytes = 1, .missing_bytes = 1'000'000};
  const Collection plan = world.plan();
  CHECK(plan.caches.empty());
}

TEST_CASE("when room is missing, layers that can be unpacked again go before caches, and no more") {
  World world;
  world.private_layer("x", 100);
  world.inventory.caches["app"] = {"", {"private:x"}, 50, at(500)};
  world.policy.missing_bytes = 60;
  // "b" alone is not hot: "a" and "c" belong to the image that runs.
  CHECK(world.plan().layers == Names{"b"});
  CHECK(world.plan().blobs.empty());
  CHECK(world.plan().caches.empty());
  world.policy.missing_bytes = 120;
  CHECK(world.plan().layers == Names{"b"});
  CHECK(world.plan().caches == Names{"app"});
  world.policy.missing_bytes = 1'000'000;
  // Images of kept releases are not given up for room.
  CHECK(world.plan().blobs.empty());
}

TEST_CASE("what is mounted below something that runs stays, whoever owned it") {
  World world;
  world.wanted.images = {"m2"};
  world.wanted.mounted = {"b"};
  CHECK(world.plan().layers.empty());
  CHECK(world.plan().blobs == Names{"c1", "m1", "b"});  // its tar is not mounted
}

TEST_CASE("a layer whose tar is missing stays unpacked") {
  World world;
  world.inventory.blobs.erase("b");
  world.policy.missing_bytes = 1'000'000;
  CHECK(world.plan().layers.empty());
}

TEST_CASE("shared and unique bytes of images add up to all blobs") {
  const ImageUsage usage = image_usage(World().inventory);
  CHECK(usage.shared_bytes == 100);
  CHECK(usage.unique_bytes == 204);
}

}  // namespace
}  // namespace berth::builder
