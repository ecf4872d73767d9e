// SPDX-License-Identifier: Apache-2.0
//
// Previews from a push to their end.
#include <fmt/format.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

Output push_preview(Platform& berth, const std::filesystem::path& repository,
                    const std::string& name) {
  return berth.git(repository, {"push", "berth", "HEAD:refs/previews/" + name});
}

void paint(Platform& berth, const std::filesystem::path& repository, const std::string& color) {
  REQUIRE(write_file(repository / "color.txt", color + "\n", 0644).has_value());
  berth.commit(repository, color);
}

bool has_ref(Platform& berth, const std::filesystem::path& repository, const std::string& name) {
  return !berth.git(repository, {"ls-remote", "berth", "refs/previews/" + name}).out.empty();
}

TEST_CASE("a push to refs/previews/NAME serves a preview with the app's settings, beside it") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("preview");
  berth.must({"create", "shop"}, repository);
  berth.must({"config:set", "MODE=live", "KEY=secret", "-a", "shop"});
  REQUIRE(berth.push(repository).status.success());
  CHECK(berth.get("shop").body == "blue live secret");

  paint(berth, repository, "green");
  const Output pushed = push_preview(berth, repository, "fix-42");
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  CHECK_MESSAGE(pushed.err.find("http://fix-42--shop.localhost") != std::string::npos, pushed.err);
  CHECK_MESSAGE(pushed.err.find("Preview fix-42 is removed on ") != std::string::npos, pushed.err);
  // app.json's environments.review goes before the app's own config vars.
  CHECK(berth.get("fix-42--shop").body == "green review secret");
  CHECK(berth.get("shop").body == "blue live secret");

  paint(berth, repository, "red");
  const Output again = push_preview(berth, repository, "fix-42");
  REQUIRE_MESSAGE(again.status.success(), again.err);
  CHECK(berth.get("fix-42--shop").body == "red review secret");
  const json::value previews = berth.json_of({"previews", "-a", "shop"});
  REQUIRE(previews.as_array().size() == 1);
  CHECK(previews.as_array()[0].at("release").to_number<int>() == 2);
  CHECK(berth.must({"logs", "-a", "fix-42--shop"}).find("Release v2 succeeded") !=
        std::string::npos);

  const Output to_itself = berth.git(
      repository, {"push", fmt::format("http://x:{}@127.0.0.1:{}/fix-42--shop.git", berth.token(),
                                       berth.api_port()),
                   "HEAD:main"});
  CHECK_FALSE(to_itself.status.success());
  CHECK_MESSAGE(to_itself.err.find("git push berth HEAD:refs/previews/fix-42") !=
                    std::string::npos,
                to_itself.err);
  CHECK_FALSE(push_preview(berth, repository, "Fix/42").status.success());

  const Output deleted = berth.git(repository, {"push", "berth", ":refs/previews/fix-42"});
  REQUIRE_MESSAGE(deleted.status.success(), deleted.err);
  CHECK_MESSAGE(deleted.err.find("Preview fix-42 is removed") != std::string::npos, deleted.err);
  CHECK(berth.json_of({"previews", "-a", "shop"}).as_array().empty());
  CHECK(eventually([&] { return berth.get("fix-42--shop").status == 404; }));
  CHECK_FALSE(has_ref(berth, repository, "fix-42"));
  CHECK(berth.get("shop").body == "blue live secret");

  // The same commit is a push again, whose image is still there.
  const Output back = push_preview(berth, repository, "fix-43");
  REQUIRE_MESSAGE(back.status.success(), back.err);
  berth.must({"previews:destroy", "fix-43", "-a", "shop"});
  CHECK_FALSE(has_ref(berth, repository, "fix-43"));
  REQUIRE(push_preview(berth, repository, "fix-43").status.success());
  berth.destroy("shop");
  CHECK(eventually([&] { return berth.get("fix-43--shop").status == 404; }));
}

TEST_CASE("a preview whose first build fails leaves nothing, a failed release leaves its log") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  const auto repository = berth.repository("preview");
  berth.must({"create", "broken"}, repository);
  REQUIRE(write_file(repository / "Procfile", "web python3 server.py\n", 0644).has_value());
  berth.commit(repository, "broken Procfile");
  CHECK_FALSE(push_preview(berth, repository, "bad").status.success());
  CHECK(berth.json_of({"previews", "-a", "broken"}).as_array().empty());
  REQUIRE(write_file(repository / "Procfile", "web: exit 3\n", 0644).has_value());
  berth.commit(repository, "exits");
  CHECK_FALSE(push_preview(berth, repository, "bad").status.success());
  CHECK(berth.json_of({"previews", "-a", "broken"}).as_array().size() == 1);
  CHECK(berth.must({"logs", "-a", "bad--broken"}).find("Release v1 failed") != std::string::npos);
  berth.destroy("broken");
}

TEST_CASE("a preview that nobody pushes to is removed when its time is up") {
  NEEDS_PLATFORM();
  Platform berth("previews: {expire: 15s, most: 1}\n");
  const auto repository = berth.deploy("preview", "short");
  const Output pushed = push_preview(berth, repository, "brief");
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  CHECK(has_ref(berth, repository, "brief"));
  CHECK(berth.get("brief--short").body == "blue review no key");
  const Output second = push_preview(berth, repository, "other");
  CHECK_FALSE(second.status.success());
  CHECK_MESSAGE(second.err.find("berth previews:destroy brief -a short") != std::string::npos,
                second.err);
  CHECK(eventually([&] { return berth.json_of({"previews", "-a", "short"}).as_array().empty(); },
                   60s));
  CHECK(eventually([&] { return berth.get("brief--short").status == 404; }));
  CHECK_FALSE(has_ref(berth, repository, "brief"));
  CHECK(berth.get("short").body == "blue no mode no key");
}

}  // namespace
}  // namespace berth::test
