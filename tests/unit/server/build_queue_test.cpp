// SPDX-License-Identifier: Apache-2.0
#include "server/build_queue.hpp"

#include <doctest/doctest.h>

namespace berth::server {
namespace {

constexpr Time at(int seconds) { return Time{std::chrono::seconds(seconds)}; }

/// "a1": a push of commit a1 to app a.
QueuedPush push(const std::string& id, PushPhase phase, std::uint64_t number,
                Time arrived = at(0)) {
  return {.id = id, .owner = id.substr(0, 1), .app = id.substr(0, 1), .commit = id, .phase = phase,
          .cancelled = false, .number = number, .arrived = arrived};
}

using Ids = std::vector<std::string>;
const QueuePolicy one{.parallel = 1, .timeout = 60s};

TEST_CASE("a newer push makes every older one of its app give way, whatever that does") {
  std::vector<QueuedPush> pushes = {push("a1", PushPhase::releasing, 1),
                                    push("a2", PushPhase::held, 2),
                                    push("b1", PushPhase::building, 3)};
  CHECK(admit(pushes, "a", "a3").value() == Ids{"a1", "a2"});
  CHECK(admit(pushes, "c", "c1").value().empty());
  pushes[0].cancelled = true;  // it was told already
  CHECK(admit(pushes, "a", "a3").value() == Ids{"a2"});
}

TEST_CASE("a push of the commit that is being deployed is refused and names it") {
  const auto refused = admit({push("a1", PushPhase::building, 1)}, "a", "a1");
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(refused.error().message.starts_with("another push is deploying the same commit (a1)"));
  CHECK(admit({push("a1", PushPhase::building, 1)}, "b", "a1").has_value());
}

TEST_CASE("a push that ended is no reason to refuse, but its successor waits until git is done") {
  const std::vector<QueuedPush> pushes = {push("a1", PushPhase::ended, 1)};
  CHECK(admit(pushes, "a", "a1").value().empty());
  CHECK(must_hold(pushes, push("a2", PushPhase::held, 2)));
  CHECK_FALSE(must_hold(pushes, push("b1", PushPhase::held, 2)));
  CHECK_FALSE(must_hold({}, push("a2", PushPhase::held, 2)));
}

TEST_CASE("as many build at once as may, the first that came first") {
  const std::vector<QueuedPush> pushes = {
      push("a1", PushPhase::waiting, 1), push("b1", PushPhase::waiting, 2),
      push("c1", PushPhase::waiting, 3), push("d1", PushPhase::held, 0)};
  CHECK(decide_queue(pushes, {}, one, at(1)).start == Ids{"a1"});
  CHECK(decide_queue(pushes, {}, {.parallel = 2, .timeout = 60s}, at(1)).start == Ids{"a1", "b1"});
  CHECK(decide_queue(pushes, {}, {.parallel = 9, .timeout = 60s}, at(1)).start ==
        Ids{"a1", "b1", "c1"});
}

TEST_CASE("while one builds the others wait; one that only rolls out takes no turn") {
  CHECK(decide_queue({push("a1", PushPhase::building, 1), push("b1", PushPhase::waiting, 2)}, {},
                     one, at(1))
            .start.empty());
  CHECK(decide_queue({push("a1", PushPhase::releasing, 1), push("b1", PushPhase::waiting, 2)}, {},
                     one, at(1))
            .start == Ids{"b1"});
}

TEST_CASE("an app that pushes again and again waits behind one whose turn is longer ago") {
  const std::vector<QueuedPush> pushes = {push("a2", PushPhase::waiting, 5),
                                          push("b1", PushPhase::waiting, 6),
                                          push("c1", PushPhase::waiting, 7)};
  CHECK(decide_queue(pushes, {{"a", 9}, {"b", 3}}, one, at(1)).start == Ids{"c1"});
  CHECK(decide_queue(pushes, {{"a", 9}, {"b", 3}}, {.parallel = 3, .timeout = 60s}, at(1)).start ==
        Ids{"c1", "b1", "a2"});
}

TEST_CASE("two apps of one owner share its turns") {
  std::vector<QueuedPush> pushes = {push("a1", PushPhase::waiting, 1),
                                    push("b1", PushPhase::waiting, 2),
                                    push("c1", PushPhase::waiting, 3)};
  pushes[0].owner = pushes[1].owner = "team";
  CHECK(decide_queue(pushes, {}, {.parallel = 3, .timeout = 60s}, at(1)).start ==
        Ids{"a1", "c1", "b1"});
}

TEST_CASE("who waited the whole timeout is given up, and the next such moment is told") {
  const std::vector<QueuedPush> pushes = {push("a1", PushPhase::building, 1, at(0)),
                                          push("b1", PushPhase::waiting, 2, at(0)),
                                          push("c1", PushPhase::waiting, 3, at(30))};
  const QueueDecision early = decide_queue(pushes, {}, one, at(59));
  CHECK(early.expired.empty());
  CHECK(early.next == at(60));
  const QueueDecision late = decide_queue(pushes, {}, one, at(60));
  CHECK(late.expired == Ids{"b1"});
  CHECK(late.next == at(90));
}

TEST_CASE("one that is cancelled neither starts nor expires") {
  std::vector<QueuedPush> pushes = {push("a1", PushPhase::waiting, 1)};
  pushes[0].cancelled = true;
  CHECK(decide_queue(pushes, {}, one, at(100)) == QueueDecision{});
}

}  // namespace
}  // namespace berth::server
