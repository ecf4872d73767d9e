// SPDX-License-Identifier: Apache-2.0
#include "server/push.hpp"

#include <doctest/doctest.h>

namespace berth::server {
namespace {

using namespace std::chrono_literals;

const std::string zero(40, '0');
const std::string one(40, '1');
const std::string two(40, '2');

Push push_of(std::vector<RefUpdate> updates) {
  return {.ticket = "t", .quarantine = "/q", .updates = std::move(updates)};
}

TEST_CASE("the hook's line is read whole") {
  const auto push =
      parse_push(R"({"push":"t1","repository":"/r","quarantine":"/r/q","updates":[{"old":")" +
                 zero + R"(","new":")" + one + R"(","ref":"refs/heads/main"}]})");
  REQUIRE(push.has_value());
  CHECK(push->ticket == "t1");
  CHECK(push->quarantine == "/r/q");
  REQUIRE(push->updates.size() == 1);
  CHECK(push->updates[0].after == one);
}

TEST_CASE("a line without updates, or with ids that are none, is refused") {
  for (const auto* line : {"", "{}", R"({"push":"t"})", R"({"push":"t","updates":[1]})",
                           R"({"push":"t","updates":[{"old":"x","new":"y","ref":"z"}]})"})
    CHECK_MESSAGE(parse_push(line).has_error(), line);
}

TEST_CASE("main and master deploy") {
  CHECK(decide_push(push_of({{zero, one, "refs/heads/main"}}))->commit == one);
  CHECK(decide_push(push_of({{zero, one, "refs/heads/master"}}))->commit == one);
  CHECK(decide_push(push_of({{zero, one, "refs/heads/main"}, {zero, one, "refs/heads/master"}}))
            ->commit == one);
}

TEST_CASE("refs/previews/NAME deploys a preview, and its deletion ends one") {
  const auto pushed = decide_push(push_of({{zero, one, "refs/previews/fix-42"}}));
  REQUIRE(pushed.has_value());
  CHECK(pushed->commit == one);
  REQUIRE(pushed->preview);
  CHECK(pushed->preview->text() == "fix-42");
  const auto deleted = decide_push(
      push_of({{one, zero, "refs/previews/fix-42"}, {one, zero, "refs/previews/fix-43"}}));
  REQUIRE(deleted.has_value());
  CHECK(deleted->commit.empty());
  CHECK(deleted->ended.size() == 2);
  CHECK_FALSE(decide_push(push_of({{zero, one, "refs/heads/main"}}))->preview);
}

TEST_CASE("a preview's name is checked, and a push deploys one thing") {
  for (const auto* ref : {"refs/previews/", "refs/previews/a/b", "refs/previews/Fix",
                          "refs/previews/../x", "refs/previews/xn"})
    CHECK_MESSAGE(decide_push(push_of({{zero, one, ref}})).has_error(), ref);
  CHECK(decide_push(push_of({{zero, one, "refs/previews/one"}, {zero, one, "refs/previews/two"}}))
            .error()
            .message == "a push deploys one thing: push refs/previews/two by itself");
  CHECK(decide_push(push_of({{zero, one, "refs/heads/main"}, {zero, one, "refs/previews/two"}}))
            .has_error());
  CHECK(decide_push(push_of({{zero, one, "refs/previews/two"}, {zero, one, "refs/heads/main"}}))
            .has_error());
}

TEST_CASE("main and master at different commits in one push are refused") {
  const auto decision =
      decide_push(push_of({{zero, one, "refs/heads/main"}, {zero, two, "refs/heads/master"}}));
  REQUIRE(decision.has_error());
  CHECK(decision.error().message ==
        "both main and master were pushed and they differ. Push one of them");
}

TEST_CASE("another branch is kept, not deployed, and the note says how to deploy it") {
  const auto decision = decide_push(push_of({{zero, one, "refs/heads/feature"}}));
  CHECK(decision->commit.empty());
  REQUIRE(decision->notes.size() == 1);
  CHECK(decision->notes[0].find("git push berth feature:main") != std::string::npos);
}

TEST_CASE("deleting the deployed branch is refused, deleting another is not") {
  CHECK(decide_push(push_of({{one, zero, "refs/heads/main"}})).has_error());
  CHECK(decide_push(push_of({{one, zero, "refs/heads/feature"}})).has_value());
}

TEST_CASE("the roll-out line names what runs and how long it took") {
  const platform::Release release{.processes = {{"web", "x"}, {"worker", "y"}}};
  const std::vector<platform::Formation> formation = {{.type = "web", .quantity = 2},
                                                      {.type = "worker", .quantity = 0},
                                                      {.type = "gone", .quantity = 3}};
  CHECK(describe_rollout("v3", formation, release, 400ms) ==
        "-----> Release v3: web=2 healthy in 0.4 s\n");
  CHECK(describe_rollout("v4", {}, release, 1s) == "-----> Release v4: nothing is scaled up\n");
}

TEST_CASE("a release whose process only ended says so, and how it is run instead") {
  const std::string said = describe_end("v1", {.failure = "web.1 exited with status 0"});
  CHECK(said.starts_with("-----> Release v1: web.1 exited with status 0 before it listened\n"));
  CHECK(said.find("berth ps:scale web=0") != std::string::npos);
}

TEST_CASE("with too little free a build is refused, with both sizes and what to do") {
  CHECK_FALSE(check_disk(1U << 30, 1U << 30).has_error());
  const auto refused = check_disk((100U << 20) + 5, 1U << 30);
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK(refused.error().message.starts_with(
      "the disk is nearly full: 100 MiB are free and a build needs 1024 MiB (min_free_disk)."));
  CHECK(refused.error().message.find("berth system:prune") != std::string::npos);
}

TEST_CASE("a build that failed on a full disk names the disk, another one its own reason") {
  const Error error{ErrorKind::invalid, "npm failed with exit status 228"};
  CHECK(explain_full_disk(error, 2U << 30, 1U << 30) == error);
  const Error full = explain_full_disk(error, 0, 1U << 30);
  CHECK(full.kind == ErrorKind::limit);
  CHECK(full.message.find("npm failed with exit status 228") != std::string::npos);
  CHECK(full.message.find("the disk is nearly full: 0 MiB are free") != std::string::npos);
}

}  // namespace
}  // namespace berth::server
