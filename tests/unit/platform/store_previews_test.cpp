// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "platform/store.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

struct Shop {
  Store store = Store::open_in_memory(SecretBox::ephemeral()).value();
  App app = store.create_app(*AppName::parse("shop"), ada).value();

  Result<App> preview(std::string_view name, NewPreview wanted = {.most = 10}) {
    return store.create_preview(app.id, *PreviewName::parse(name), wanted, ada);
  }
  Release deploy(const App& to, std::map<std::string, std::string> processes, AppJson said = {}) {
    return store
        .create_release(to.id,
                        {.image = "sha256:1",
                         .commit = std::string(40, 'a'),
                         .processes = std::move(processes),
                         .app_json = std::move(said),
                         .description = "Deploy aaaaaaa",
                         .build = std::nullopt},
                        ada)
        .value();
  }
  Formation formation(const App& of, std::string_view type) {
    const auto all = store.formation(of.id);
    const auto found = std::ranges::find(all, type, &Formation::type);
    REQUIRE(found != all.end());
    return *found;
  }
};

TEST_CASE_FIXTURE(Shop, "a preview has its app's settings, and neither its domains nor scale") {
  REQUIRE(store.update_config_vars(app.id, {{"KEY", "secret"}, {"MODE", "live"}}, ada).has_value());
  store.set_buildpacks(app.id, {"heroku/nodejs"}, ada);
  REQUIRE(store.put_routing_user(app.id, "ada", "$argon2id$x", ada).has_value());
  REQUIRE(store.set_page(app.id, Page::error, "<p>sorry", ada).has_value());
  REQUIRE(store.set_https(app.id, {.redirect = true}, ada).has_value());
  REQUIRE(store.set_egress(app.id, *parse_egress("none"), ada).has_value());
  REQUIRE(store.set_placement(app.id, *parse_placement("pool=far"), ada).has_value());
  REQUIRE(store.add_domain(app.id, "www.example.com", ada).has_value());
  (void)deploy(app, {{"web", "w"}, {"worker", "x"}});
  REQUIRE(store.update_formation(app.id,
                                 {{.type = "web", .quantity = 5, .size = "large", .autoscale = {}},
                                  {.type = "worker", .quantity = 2, .size = {}, .autoscale = {}}},
                                 ada)
              .has_value());
  app = *store.find_app("shop");
  const Time until = now() + 1h;
  const auto made = preview("fix-42", {.env = {{"MODE", "review"}},
                                       .formation = {},
                                       .expires_at = until,
                                       .most = 10});
  REQUIRE(made.has_value());
  CHECK(made->name == "fix-42--shop");
  CHECK(made->preview == Preview{.parent = app.id, .name = "fix-42", .expires_at = until});
  CHECK(store.config_vars(made->id) == ConfigVars{{"KEY", "secret"}, {"MODE", "review"}});
  CHECK(store.config_vars(app.id).at("MODE") == "live");
  CHECK(store.buildpacks(made->id) == std::vector<std::string>{"heroku/nodejs"});
  CHECK(made->routing == app.routing);
  CHECK(made->https == app.https);
  CHECK(made->egress == app.egress);
  CHECK(made->placement.labels.at("pool") == "far");
  CHECK(store.page(made->id, Page::error) == "<p>sorry");
  CHECK(store.domains(made->id).empty());
  CHECK(store.releases(made->id).empty());
  const Formation web = formation(*made, "web");
  CHECK(web.quantity == 1);
  CHECK(web.size == "large");
  CHECK(web.autoscale == AutoscalePolicy{.min = 0, .max = 1});
  CHECK(formation(*made, "worker").quantity == 0);
}

TEST_CASE_FIXTURE(Shop, "a preview's first release begins with what environments.review says") {
  const auto made = preview("fix-42");
  AppJson said;
  said.formation = {{"web", {.quantity = 3, .size = {}}}, {"worker", {.quantity = 1, .size = {}}}};
  (void)deploy(*made, {{"web", "w"}, {"worker", "x"}, {"clock", "c"}}, said);
  CHECK(formation(*made, "web").quantity == 3);
  CHECK(formation(*made, "web").autoscale == AutoscalePolicy{.min = 0, .max = 3});
  CHECK(formation(*made, "worker").quantity == 1);
  CHECK(formation(*made, "clock").quantity == 0);
}

TEST_CASE_FIXTURE(Shop, "an app has so many previews, and the refusal says how to remove one") {
  REQUIRE(preview("one", {.most = 2}).has_value());
  REQUIRE(preview("two", {.most = 2}).has_value());
  const auto third = preview("three", {.most = 2});
  REQUIRE(third.has_error());
  CHECK(third.error().kind == ErrorKind::limit);
  CHECK(third.error().message.find("berth previews:destroy one -a shop") != std::string::npos);
}

TEST_CASE_FIXTURE(Shop, "a preview has no previews, and its name is its ref's") {
  const auto made = preview("fix-42");
  CHECK(store.create_preview(made->id, *PreviewName::parse("more"), {.most = 10}, ada).has_error());
  CHECK(store.rename_app(made->id, *AppName::parse("other"), ada).error().kind ==
        ErrorKind::conflict);
}

TEST_CASE_FIXTURE(Shop, "previews are renamed with their app, and go with it") {
  const auto made = preview("fix-42");
  REQUIRE(store.rename_app(app.id, *AppName::parse("store"), ada).has_value());
  CHECK(store.find_app("fix-42--store")->id == made->id);
  CHECK(store.find_preview(app.id, "fix-42")->name == "fix-42--store");
  REQUIRE(store.destroy_app(app.id, ada).has_value());
  CHECK(store.find_app(made->id.value).has_error());
  CHECK(store.apps().empty());
  const auto events = store.events(0, 100, made->id);
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().kind == "app.destroy");
}

TEST_CASE_FIXTURE(Shop, "the time of a preview begins anew, or has no end") {
  const auto made = preview("fix-42");
  CHECK_FALSE(made->preview->expires_at);
  const Time until = now() + 2h;
  CHECK(store.set_preview_expiry(made->id, until)->preview->expires_at == until);
  CHECK_FALSE(store.set_preview_expiry(made->id, std::nullopt)->preview->expires_at);
  CHECK_FALSE(store.set_preview_expiry(app.id, until)->preview);
}

}  // namespace
}  // namespace berth::platform
