// SPDX-License-Identifier: Apache-2.0
#include "platform/store.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.hpp"

namespace berth::platform {
namespace {

const Actor ada{"ada@example.com"};

Store make_store() {
  auto store = Store::open_in_memory(SecretBox::ephemeral());
  REQUIRE(store.has_value());
  return std::move(*store);
}

App make_app(Store& store, std::string_view name = "shop") {
  auto app = store.create_app(*AppName::parse(name), ada);
  REQUIRE(app.has_value());
  return *app;
}

Release deploy(Store& store, const App& app, const std::string& image,
               std::map<std::string, std::string> processes = {{"web", "npm start"}}) {
  auto release = store.create_release(app.id, {.image = image,
                                               .commit = std::string(40, 'a'),
                                               .processes = std::move(processes),
                                               .description = "Deploy aaaaaaa",
                                               .build = std::nullopt}, ada);
  REQUIRE(release.has_value());
  return *release;
}

std::string message(const auto& result) {
  REQUIRE(result.has_error());
  return result.error().message;
}

TEST_CASE("an app is found by its id and by its name") {
  Store store = make_store();
  const App app = make_app(store);
  CHECK(*store.find_app("shop") == app);
  CHECK(*store.find_app(app.id.value) == app);
  CHECK(store.find_app("shopp").error().kind == ErrorKind::not_found);
}

TEST_CASE("a taken app name is refused and says so") {
  Store store = make_store();
  make_app(store);
  const auto again = store.create_app(*AppName::parse("shop"), ada);
  CHECK(message(again) == "the app name 'shop' is taken. Choose another name");
}

TEST_CASE("an app's number is never used again, so its uid range is not either") {
  Store store = make_store();
  const App first = make_app(store, "one");
  REQUIRE_FALSE(store.destroy_app(first.id, ada).has_error());
  CHECK(make_app(store, "two").number > first.number);
}

TEST_CASE("a new release gives each new process type a formation: one web, none of the others") {
  Store store = make_store();
  const App app = make_app(store);
  deploy(store, app, "sha256:1", {{"web", "a"}, {"worker", "b"}});
  const auto formation = store.formation(app.id);
  REQUIRE(formation.size() == 2);
  CHECK(formation[0].type == "web");
  CHECK(formation[0].quantity == 1);
  CHECK(formation[1].quantity == 0);
}

TEST_CASE("a release keeps what app.json said; config changes and rollbacks take it with them") {
  Store store = make_store();
  const App app = make_app(store);
  std::vector<std::string> notes;
  const auto said =
      parse_app_json(R"({"healthchecks": {"web": [{"path": "/up"}]}})", notes);
  REQUIRE(said.has_value());
  const auto first = store.create_release(
      app.id, {.image = "sha256:1", .processes = {{"web", "a"}}, .app_json = *said}, ada);
  REQUIRE(first.has_value());
  CHECK(first->app_json == *said);
  store.settle_release(first->id, ReleaseStatus::succeeded, "");
  REQUIRE(store.update_config_vars(app.id, {{"A", "b"}}, ada).has_value());
  CHECK(store.target_release(app.id)->app_json == *said);
  deploy(store, app, "sha256:2");
  CHECK(store.target_release(app.id)->app_json == AppJson{});
  REQUIRE(store.rollback(app.id, "v1", ada).has_value());
  CHECK(store.target_release(app.id)->app_json == *said);
}

TEST_CASE("a postdeploy script is due when an app's first image serves, and at no other time") {
  using State = Store::Postdeploy;
  Store store = make_store();
  const AppJson said{.health_checks = {}, .formation = {}, .postdeploy = "seed"};
  const auto release = [&](const App& app, const AppJson& app_json, ReleaseStatus status) {
    const auto made = store.create_release(
        app.id, {.image = "sha256:1", .processes = {{"web", "a"}}, .app_json = app_json}, ada);
    REQUIRE(made.has_value());
    store.settle_release(made->id, status, "");
    return store.postdeploy(app.id);
  };
  const App app = make_app(store);
  REQUIRE(store.update_config_vars(app.id, {{"A", "b"}}, ada).has_value());
  CHECK(release(app, said, ReleaseStatus::failed) == State::none);
  CHECK(release(app, said, ReleaseStatus::succeeded) == State::due);
  store.set_postdeploy(app.id, State::running, "started");
  CHECK(store.postdeploy(app.id) == State::running);
  store.set_postdeploy(app.id, State::failed, "exited with status 1");
  CHECK(release(app, said, ReleaseStatus::succeeded) == State::failed);
  CHECK(store.events(0, 100, app.id).back().kind == "release.succeeded");
  // It came with the second release: the app is set up already.
  const App other = make_app(store, "other");
  CHECK(release(other, {}, ReleaseStatus::succeeded) == State::none);
  CHECK(release(other, said, ReleaseStatus::succeeded) == State::none);
}

TEST_CASE("app.json says what a new process type begins with, and nothing of one that is there") {
  Store store = make_store();
  const App app = make_app(store);
  const AppJson said{.health_checks = {},
                     .formation = {{"web", {.quantity = 2, .size = "1g"}},
                                   {"worker", {.quantity = 3, .size = ""}},
                                   {"release", {.quantity = 1, .size = ""}}}};
  const auto release = [&](std::map<std::string, std::string> processes) {
    REQUIRE(store
                .create_release(app.id,
                                {.image = "sha256:1",
                                 .processes = std::move(processes),
                                 .app_json = said},
                                ada)
                .has_value());
  };
  release({{"web", "a"}, {"release", "r"}});
  CHECK(store.formation(app.id).at(0).quantity == 2);
  CHECK(store.formation(app.id).at(0).size == "1g");
  CHECK(store.formation(app.id).at(1).quantity == 0);
  REQUIRE(store.update_formation(app.id, {{.type = "web", .quantity = 5}}, ada).has_value());
  release({{"web", "a"}, {"worker", "b"}});
  CHECK(store.formation(app.id).at(0).quantity == 5);
  CHECK(store.formation(app.id).at(2).quantity == 3);
  CHECK(store.formation(app.id).at(2).size == "standard");
}

TEST_CASE("setting config vars makes a release of the same image and returns all of them") {
  Store store = make_store();
  const App app = make_app(store);
  const Release first = deploy(store, app, "sha256:1");
  store.settle_release(first.id, ReleaseStatus::succeeded, "");
  const auto vars = store.update_config_vars(app.id, {{"KEY", "secret"}, {"MODE", "x"}}, ada);
  CHECK(*vars == ConfigVars{{"KEY", "secret"}, {"MODE", "x"}});
  const auto target = store.target_release(app.id);
  REQUIRE(target.has_value());
  CHECK(target->version == 2);
  CHECK(target->image == "sha256:1");
  CHECK(target->description == "Set KEY, MODE");
  CHECK(*store.release_config_vars(target->id) == *vars);
  CHECK(store.release_config_vars(first.id)->empty());
}

TEST_CASE("setting a config var to the value that it has makes no release") {
  Store store = make_store();
  const App app = make_app(store);
  REQUIRE(store.update_config_vars(app.id, {{"KEY", "a"}}, ada).has_value());
  REQUIRE(
      store.update_config_vars(app.id, {{"KEY", "a"}, {"NONE", std::nullopt}}, ada).has_value());
  CHECK(store.releases(app.id).size() == 1);
}

TEST_CASE("no config value stands in the database file in clear") {
  auto directory = TempDir::create("/tmp");
  const auto path = directory->path() / "berth.db";
  {
    auto store = Store::open(path, SecretBox::ephemeral());
    const App app = make_app(*store);
    REQUIRE(store->update_config_vars(app.id, {{"KEY", "very-secret-value"}}, ada).has_value());
  }
  for (const auto* suffix : {"", "-wal"}) {
    const auto content = read_file(path.string() + suffix);
    if (content.has_value()) CHECK(content->find("very-secret-value") == std::string::npos);
  }
}

TEST_CASE("rollback restores the image, the processes and the config vars as a new release") {
  Store store = make_store();
  const App app = make_app(store);
  REQUIRE(store.update_config_vars(app.id, {{"MODE", "old"}}, ada).has_value());
  const Release good = deploy(store, app, "sha256:1");
  store.settle_release(good.id, ReleaseStatus::succeeded, "");
  REQUIRE(store.update_config_vars(app.id, {{"MODE", "new"}}, ada).has_value());
  const auto back = store.rollback(app.id, "v2", ada);
  REQUIRE(back.has_value());
  CHECK(back->version == 4);
  CHECK(back->image == "sha256:1");
  CHECK(back->description == "Rollback to v2");
  CHECK(store.config_vars(app.id) == ConfigVars{{"MODE", "old"}});
}

TEST_CASE("rolling back to a release that never served is refused with the way out") {
  Store store = make_store();
  const App app = make_app(store);
  const Release bad = deploy(store, app, "sha256:1");
  store.settle_release(bad.id, ReleaseStatus::failed, "exited");
  CHECK(message(store.rollback(app.id, "v1", ada)) ==
        "v1 never served (failed): roll back to one that succeeded; `berth releases` shows them");
}

TEST_CASE("a failed release leaves the one before as what serves and what should run") {
  Store store = make_store();
  const App app = make_app(store);
  const Release good = deploy(store, app, "sha256:1");
  store.settle_release(good.id, ReleaseStatus::succeeded, "");
  const Release bad = deploy(store, app, "sha256:2");
  CHECK(store.target_release(app.id)->version == 2);
  CHECK(store.serving_release(app.id)->version == 1);
  store.settle_release(bad.id, ReleaseStatus::failed, "exited");
  CHECK(store.target_release(app.id)->version == 1);
}

TEST_CASE("a newer release supersedes one that is still pending") {
  Store store = make_store();
  const App app = make_app(store);
  deploy(store, app, "sha256:1");
  deploy(store, app, "sha256:2");
  const auto releases = store.releases(app.id);
  CHECK(releases[1].status == ReleaseStatus::failed);
  CHECK(releases[1].failure == "superseded by v2");
}

TEST_CASE("scaling an unknown process type names those that exist") {
  Store store = make_store();
  const App app = make_app(store);
  deploy(store, app, "sha256:1");
  const auto result = store.update_formation(
      app.id, {{.type = "wrong", .quantity = 2, .size = {}, .autoscale = {}}}, ada);
  CHECK(message(result) == "the app has no process type 'wrong'. It has: web");
}

TEST_CASE("one bad change in a list leaves the whole formation as it was") {
  Store store = make_store();
  const App app = make_app(store);
  deploy(store, app, "sha256:1");
  const auto result = store.update_formation(
      app.id,
      {{.type = "web", .quantity = 3, .size = {}, .autoscale = {}},
       {.type = "none", .quantity = 1, .size = {}, .autoscale = {}}},
      ada);
  CHECK(result.has_error());
  CHECK(store.formation(app.id)[0].quantity == 1);
}

TEST_CASE("a quantity set by hand switches autoscaling off") {
  Store store = make_store();
  const App app = make_app(store);
  deploy(store, app, "sha256:1");
  const AutoscalePolicy policy{.min = 0, .max = 5, .requests_per_second = 20};
  REQUIRE(store
              .update_formation(
                  app.id, {{.type = "web", .quantity = {}, .size = {}, .autoscale = policy}}, ada)
              .has_value());
  store.autoscale_quantity(app.id, "web", 9, "90 requests/s");
  CHECK(store.formation(app.id)[0].quantity == 5);
  REQUIRE(store
              .update_formation(app.id,
                                {{.type = "web", .quantity = 2, .size = {}, .autoscale = {}}}, ada)
              .has_value());
  CHECK_FALSE(store.formation(app.id)[0].autoscale.has_value());
  CHECK(store.formation(app.id)[0].quantity == 2);
}

TEST_CASE("a token authenticates until it expires or is revoked, and is not stored") {
  Store store = make_store();
  const auto issued = store.create_token("ada@example.com", "laptop", std::nullopt, ada);
  CHECK(store.authenticate(issued.secret)->user == "ada@example.com");
  CHECK(store.authenticate("berth_wrong").error().kind == ErrorKind::unauthorized);
  REQUIRE(store.revoke_token(issued.token.id.value, ada).has_value());
  CHECK(store.authenticate(issued.secret).has_error());
  const auto expired = store.create_token("ada@example.com", "old", now() - 1s, ada);
  CHECK(store.authenticate(expired.secret).has_error());
}

TEST_CASE("a domain belongs to one app at a time") {
  Store store = make_store();
  const App one = make_app(store, "one");
  const App two = make_app(store, "two");
  REQUIRE(store.add_domain(one.id, "WWW.Example.com", ada).has_value());
  CHECK(message(store.add_domain(two.id, "www.example.com", ada)) ==
        "the domain www.example.com belongs to the app one");
  REQUIRE(store.remove_domain(one.id, "www.example.com", ada).has_value());
  CHECK(store.add_domain(two.id, "www.example.com", ada).has_value());
}

TEST_CASE("every change leaves an audit event and the listener hears it after the commit") {
  Store store = make_store();
  std::vector<std::string> heard;
  store.on_event([&](const Event& event) { heard.push_back(event.kind); });
  const App app = make_app(store);
  deploy(store, app, "sha256:1");
  REQUIRE_FALSE(store.destroy_app(app.id, ada).has_error());
  CHECK(heard == std::vector<std::string>{"app.create", "release.create", "app.destroy"});
  CHECK(store.events(0, 100, app.id).size() == 3);
}

TEST_CASE("kill -9 in the midst of changes loses no change that was accepted") {
  auto directory = TempDir::create("/tmp");
  const auto path = directory->path() / "berth.db";
  const auto key = directory->path() / "key";
  int pipes[2];
  REQUIRE(::pipe(pipes) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::open(path, *SecretBox::open(key));
    for (int i = 0; store.has_value(); ++i) {
      const auto app = store->create_app(*AppName::parse("app" + std::to_string(i)), ada);
      if (app.has_error()) ::_exit(1);
      // Accepted: the parent may count on it from here on.
      if (::write(pipes[1], "+", 1) != 1) ::_exit(1);
    }
    ::_exit(1);
  }
  char accepted[20];
  std::size_t count = 0;
  while (count < sizeof accepted) {
    const ssize_t got = ::read(pipes[0], accepted + count, sizeof accepted - count);
    REQUIRE(got > 0);
    count += static_cast<std::size_t>(got);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipes[0]);
  ::close(pipes[1]);
  auto store = Store::open(path, *SecretBox::open(key));
  REQUIRE(store.has_value());
  const std::size_t apps = store->apps().size();
  CHECK(apps >= count);
  CHECK(store->events(0, 10'000).size() == apps);
}

TEST_CASE("buildpacks keep their order, change as a whole and go with the app") {
  auto store = *Store::open_in_memory(SecretBox::ephemeral());
  const auto app = *store.create_app(*AppName::parse("hello"), {"ada"});
  CHECK(store.buildpacks(app.id).empty());
  store.set_buildpacks(app.id, {"b", "a", "https://u:secret@h/x"}, {"ada"});
  CHECK(store.buildpacks(app.id) == std::vector<std::string>{"b", "a", "https://u:secret@h/x"});
  CHECK(store.events(0, 100).back().message == "chose 3 buildpacks");
  const auto events = store.events(0, 100).size();
  store.set_buildpacks(app.id, {"b", "a", "https://u:secret@h/x"}, {"ada"});
  CHECK(store.events(0, 100).size() == events);
  store.set_buildpacks(app.id, {}, {"ada"});
  CHECK(store.buildpacks(app.id).empty());
  store.set_buildpacks(app.id, {"a"}, {"ada"});
  REQUIRE(store.destroy_app(app.id, {"ada"}).has_value());
  CHECK(store.buildpacks(app.id).empty());
}

TEST_CASE("a database of a newer berth is refused and left alone") {
  auto directory = TempDir::create("/tmp");
  const auto path = directory->path() / "berth.db";
  {
    auto database = Database::open(path);
    database->execute("PRAGMA user_version=999");
  }
  const auto store = Store::open(path, SecretBox::ephemeral());
  CHECK(message(store).find("upgrade this one") != std::string::npos);
}

}  // namespace
}  // namespace berth::platform
