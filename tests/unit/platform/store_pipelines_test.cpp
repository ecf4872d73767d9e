// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

struct Line {
  Store store = Store::open_in_memory(SecretBox::ephemeral()).value();
  Pipeline pipeline = store.create_pipeline("shop", ada).value();
  App staging = add("shop-staging", Stage::staging);
  App production = add("shop", Stage::production);

  App add(std::string_view name, Stage stage) {
    App app = store.create_app(*AppName::parse(name), ada).value();
    REQUIRE(store.couple(pipeline.id, app.id, stage, ada).has_value());
    return app;
  }
  Release deploy(const App& app, const std::string& image) {
    const Release release =
        store
            .create_release(app.id,
                            {.image = image,
                             .commit = std::string(40, 'a'),
                             .processes = {{"web", "w"}, {"release", "migrate"}},
                             .app_json = {},
                             .description = "Deploy aaaaaaa",
                             .build = std::nullopt},
                            ada)
            .value();
    store.settle_release(release.id, ReleaseStatus::succeeded, "");
    return release;
  }
};

TEST_CASE_FIXTURE(Line, "a promotion releases the very image with the target's own config vars") {
  REQUIRE(store.update_config_vars(production.id, {{"MODE", "live"}}, ada).has_value());
  REQUIRE(store.update_config_vars(staging.id, {{"MODE", "test"}}, ada).has_value());
  const Release source = deploy(staging, "sha256:1");
  const auto promotion = store.promote(pipeline.id, staging.id, "", {production.id}, ada);
  REQUIRE(promotion.has_value());
  CHECK(promotion->release == source.id);
  const auto targets = store.promotion_targets(promotion->id);
  REQUIRE(targets.size() == 1);
  CHECK(targets[0].failure.empty());
  REQUIRE(targets[0].release);
  const auto made = store.find_release(production.id, targets[0].release->value);
  REQUIRE(made.has_value());
  CHECK(made->image == "sha256:1");
  CHECK(made->processes == source.processes);
  CHECK(made->commit == source.commit);
  CHECK(made->status == ReleaseStatus::pending);
  CHECK(made->description == "Promote shop-staging v2 aaaaaaa");
  CHECK(store.release_config_vars(made->id).value() == ConfigVars{{"MODE", "live"}});
  CHECK(store.images_in_use() == std::vector<std::string>{"sha256:1"});
}

TEST_CASE_FIXTURE(Line, "what cannot be promoted to is told beside those that can") {
  const App stranger = store.create_app(*AppName::parse("stranger"), ada).value();
  (void)deploy(staging, "sha256:1");
  const auto promotion =
      store.promote(pipeline.id, staging.id, "", {stranger.id, production.id, staging.id}, ada);
  REQUIRE(promotion.has_value());
  const auto targets = store.promotion_targets(promotion->id);
  REQUIRE(targets.size() == 3);
  CHECK(targets[0].failure == "it is not in the pipeline shop");
  CHECK(store.releases(stranger.id).empty());
  CHECK(targets[1].release);
  CHECK(targets[2].failure == "it is what is promoted");
}

TEST_CASE_FIXTURE(Line, "nothing is promoted of an app that serves nothing, or is elsewhere") {
  CHECK(store.promote(pipeline.id, staging.id, "", {production.id}, ada).error().message.find(
            "has no release that serves") != std::string::npos);
  (void)deploy(staging, "sha256:1");
  CHECK(store.promote(pipeline.id, staging.id, "", {}, ada).has_error());
  const Release failed = deploy(staging, "sha256:2");
  store.settle_release(failed.id, ReleaseStatus::failed, "x");
  CHECK(store.promote(pipeline.id, staging.id, failed.id.value, {production.id}, ada).has_error());
  const App stranger = store.create_app(*AppName::parse("stranger"), ada).value();
  CHECK(store.promote(pipeline.id, stranger.id, "", {production.id}, ada)
            .error()
            .message.find("is not in the pipeline shop") != std::string::npos);
  CHECK(store.releases(production.id).empty());
}

TEST_CASE_FIXTURE(Line, "an app is in one pipeline, a preview in none") {
  const Pipeline other = store.create_pipeline("other", ada).value();
  const auto twice = store.couple(other.id, staging.id, Stage::staging, ada);
  REQUIRE(twice.has_error());
  CHECK(twice.error().message.find("berth pipelines:remove -a shop-staging") != std::string::npos);
  const App preview =
      store.create_preview(production.id, *PreviewName::parse("fix-42"), {.most = 1}, ada).value();
  CHECK(store.couple(other.id, preview.id, Stage::staging, ada).has_error());
}

TEST_CASE_FIXTURE(Line, "couplings go with their app or their pipeline, and the apps stay") {
  CHECK(store.couplings().size() == 2);
  CHECK(store.couplings()[0].app == staging.id);
  REQUIRE(store.set_stage(store.coupling_of(staging.id)->id, Stage::development, ada).has_value());
  CHECK(store.coupling_of(staging.id)->stage == Stage::development);
  REQUIRE(store.destroy_app(staging.id, ada).has_value());
  CHECK(store.couplings().size() == 1);
  REQUIRE(store.destroy_pipeline(pipeline.id, ada).has_value());
  CHECK(store.couplings().empty());
  CHECK(store.find_app("shop").has_value());
  CHECK(store.find_pipeline("shop").has_error());
}

TEST_CASE_FIXTURE(Line, "pipeline names are unique and may change") {
  CHECK(store.create_pipeline("shop", ada).error().kind == ErrorKind::conflict);
  (void)store.create_pipeline("other", ada);
  CHECK(store.rename_pipeline(pipeline.id, "other", ada).error().kind == ErrorKind::conflict);
  CHECK(store.rename_pipeline(pipeline.id, "store", ada)->name == "store");
  CHECK(store.find_pipeline("store")->id == pipeline.id);
}

}  // namespace
}  // namespace berth::platform
