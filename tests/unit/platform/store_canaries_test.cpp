// SPDX-License-Identifier: Apache-2.0
//
// Canaries, and releases that the platform rolls back by itself.
#include <doctest/doctest.h>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

struct Shop {
  Store store = *Store::open_in_memory(SecretBox::ephemeral());
  App app = *store.create_app(*AppName::parse("shop"), ada);

  Release deploy(const std::string& image) {
    auto release = store.create_release(
        app.id, {.image = image, .processes = {{"web", "npm start"}}, .description = "Deploy"},
        ada);
    REQUIRE(release.has_value());
    return *release;
  }
  Release serve(const std::string& image) {
    const Release release = deploy(image);
    store.settle_release(release.id, ReleaseStatus::succeeded, "");
    return *store.find_release(app.id, release.id.value);
  }
  void set_rollout(std::string_view text) {
    REQUIRE(store.set_rollout(app.id, *parse_rollout(text), ada).has_value());
  }
  std::string last_event() { return store.events(0, 100, app.id).back().message; }
};

std::string message(const auto& result) {
  REQUIRE(result.has_error());
  return result.error().message;
}

TEST_CASE("with a canary in the rollout settings a new release is one, where there can be one") {
  Shop shop;
  shop.set_rollout("canary=5%");
  CHECK(shop.store.find_app("shop")->rollout.canary == 5);
  CHECK(shop.last_event() == "rollout: canary=5%");
  CHECK(shop.serve("sha256:1").canary == 0);  // nothing else serves
  const Release second = shop.deploy("sha256:2");
  CHECK(second.canary == 5);
  CHECK(second.is_canary());
  CHECK(shop.store.serving_release(shop.app.id)->image == "sha256:1");
  // A rollback is in haste.
  CHECK(shop.store.rollback(shop.app.id, "v1", ada)->canary == 0);
  CHECK(shop.store.find_release(shop.app.id, "v2")->failure == "superseded by v3");
  const auto worker = shop.store.create_release(
      shop.app.id, {.image = "sha256:4", .processes = {{"worker", "x"}}, .description = "Deploy"},
      ada);
  CHECK(worker->canary == 0);
}

TEST_CASE("a canary of an earlier release: its share changes, it is promoted with its vars") {
  Shop shop;
  REQUIRE(shop.store.update_config_vars(shop.app.id, {{"MODE", "old"}}, ada).has_value());
  shop.serve("sha256:1");  // v2
  const auto changed = shop.store.update_config_vars(shop.app.id, {{"MODE", "new"}}, ada);
  REQUIRE(changed.has_value());
  shop.serve("sha256:2");  // v4
  const auto canary = shop.store.create_canary(shop.app.id, "v2", 5, ada);
  REQUIRE(canary.has_value());
  CHECK(canary->version == 5);
  CHECK(canary->image == "sha256:1");
  CHECK(canary->description == "Canary of v2");
  CHECK(canary->canary == 5);
  CHECK(shop.last_event() == "Canary of v2 gets 5% of the requests");
  CHECK(shop.store.config_vars(shop.app.id) == ConfigVars{{"MODE", "new"}});
  CHECK(shop.store.create_canary(shop.app.id, "v5", 50, ada)->canary == 50);
  CHECK(shop.last_event() == "v5 gets 50% of the requests");
  CHECK(message(shop.store.update_config_vars(shop.app.id, {{"A", "b"}}, ada)) ==
        "v5 is a canary, and config vars are for all replicas. End it first: "
        "`berth releases:promote` or `berth releases:abort`");
  const auto promoted = shop.store.promote_canary(shop.app.id, ada, "it fares well");
  REQUIRE(promoted.has_value());
  CHECK(promoted->promoted);
  CHECK_FALSE(promoted->is_canary());
  CHECK(promoted->status == ReleaseStatus::pending);
  CHECK(shop.last_event() == "v5 is promoted: it fares well");
  CHECK(shop.store.config_vars(shop.app.id) == ConfigVars{{"MODE", "old"}});
}

TEST_CASE("a canary that is aborted has failed, and what cannot be one says why") {
  Shop shop;
  const auto none = [&](std::string_view release) {
    return message(shop.store.create_canary(shop.app.id, release, 5, ada));
  };
  REQUIRE(shop.store.update_config_vars(shop.app.id, {{"A", "b"}}, ada).has_value());
  CHECK(none("v1") == "v1 has no image: it was made before the first deploy");
  CHECK(none("v9") == "no release is named 'v9'. `berth releases` lists the releases");
  const Release failed = shop.deploy("sha256:1");
  shop.store.settle_release(failed.id, ReleaseStatus::failed, "exited");
  CHECK(none("v2") == "there can be no canary: nothing serves yet that could get the other "
                      "requests");
  shop.serve("sha256:2");
  CHECK(none("v3") == "v3 serves: it gets all requests already");
  CHECK(message(shop.store.abort_canary(shop.app.id, ada)) ==
        "no release is a canary. `berth releases:canary v12 --weight 5%` makes one");
  REQUIRE(shop.store.create_canary(shop.app.id, "v2", 5, ada).has_value());
  const auto aborted = shop.store.abort_canary(shop.app.id, ada);
  REQUIRE(aborted.has_value());
  CHECK(aborted->status == ReleaseStatus::failed);
  CHECK(aborted->failure == "aborted by ada@example.com");
  CHECK(shop.store.target_release(shop.app.id)->version == 3);
  const VolumeId volume("11111111-1111-4111-8111-111111111111");
  REQUIRE(shop.store.add_volume(shop.app.id, volume,
                                {.name = "data", .mounts = {{.type = "web", .path = "/data"}}},
                                ada).has_value());
  CHECK(none("v2") == "there can be no canary: the volume 'data' is for one container of web at a "
                      "time");
}

TEST_CASE("a release that crashed is rolled back by the platform, and never once more") {
  Shop shop;
  const Release good = shop.serve("sha256:1");
  const Release crashed = shop.serve("sha256:2");
  const auto back = shop.store.roll_back_crashed(crashed, good, "web exited with status 1");
  REQUIRE(back.has_value());
  CHECK(back->image == "sha256:1");
  CHECK(back->user == "berth");
  CHECK(back->description == "Rollback to v1: v2 crashed");
  CHECK(back->stays);
  CHECK(back->canary == 0);
  CHECK(shop.store.find_release(shop.app.id, "v2")->stays);
  CHECK_FALSE(shop.store.find_release(shop.app.id, "v1")->stays);
  const auto events = shop.store.events(0, 100, shop.app.id);
  CHECK(events.at(events.size() - 2).message ==
        "v2 is rolled back: web exited with status 1");
}

}  // namespace
}  // namespace berth::platform
