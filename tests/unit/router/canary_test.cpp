// SPDX-License-Identifier: Apache-2.0
//
// Replicas of a canary, which get a part of the requests.
#include <doctest/doctest.h>

#include "router/choose.hpp"
#include "router/samples.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

namespace {

json::object replica_at(const char* id, int port) {
  return {{"id", id}, {"name", "web.1"}, {"address", "127.0.0.1"}, {"port", port}};
}

struct Trial {
  Server regular{answer_with("regular")};
  Server canary{answer_with("canary")};
  Bed bed{2};

  void put(std::string_view state, const std::vector<ReplicaSpec>& regulars, int percent,
           int canary_port) {
    bed.put(state, regulars,
            {{"canary", percent},
             {"canaries", json::array{replica_at("r-canary", canary_port)}}});
  }
  int asked_of_canary(int times) {
    int count = 0;
    for (int i = 0; i < times; ++i) {
      Peer client = bed.client();
      client.send(get("/"));
      const auto answer = client.read_message();
      CHECK(answer.status() == 200);
      count += answer.body == "canary/";
    }
    return count;
  }
};

}  // namespace

TEST_CASE("a canary gets its part of the requests, and the table may change it") {
  Trial trial;
  trial.put("running", {{"r-1", trial.regular.port()}}, 20, trial.canary.port());
  const int part = trial.asked_of_canary(300);
  CHECK(part > 30);
  CHECK(part < 100);
  trial.put("running", {{"r-1", trial.regular.port()}}, 99, trial.canary.port());
  CHECK(trial.asked_of_canary(100) > 90);
  // Promoted: the same replica is one like the others.
  trial.bed.put("running", {{"r-canary", trial.canary.port()}});
  CHECK(trial.asked_of_canary(20) == 20);
  CHECK(trial.canary.connections() < 50);
}

TEST_CASE("an aborted canary is told to be drained, and so is what a promoted one replaces") {
  Trial trial;
  trial.put("running", {{"r-1", trial.regular.port()}}, 50, trial.canary.port());
  CHECK(trial.asked_of_canary(50) > 0);
  trial.bed.put("running", {{"r-1", trial.regular.port()}});
  CHECK(trial.bed.control->wait_for("drained").at("replica") == "r-canary");
  trial.put("running", {{"r-1", trial.regular.port()}}, 50, trial.canary.port());
  trial.bed.put("running", {{"r-canary", trial.canary.port()}});
  CHECK(trial.bed.control->wait_for("drained").at("replica") == "r-1");
}

TEST_CASE("where a canary accepts no connection, another replica answers") {
  DeadPort dead;
  Trial trial;
  trial.put("running", {{"r-1", trial.regular.port()}}, 99, dead.port());
  CHECK(trial.asked_of_canary(50) == 0);
}

TEST_CASE("requests for an app that sleeps wait for its own replicas, and not for a canary's") {
  Trial trial;
  trial.put("asleep", {}, 50, trial.canary.port());
  Peer client = trial.bed.client();
  client.send(get("/"));
  CHECK(trial.bed.control->wait_for("wake").at("app") == "hello");
  trial.put("running", {{"r-1", trial.regular.port()}}, 0, trial.canary.port());
  CHECK(client.read_message().body == "regular/");
}

TEST_CASE("choices: all where there is one sort, else by the part") {
  Random random(5);
  const auto begin = [&](std::size_t regulars, std::size_t count, std::uint32_t percent) {
    return choose_group(regulars, count, percent, random).begin;
  };
  for (int i = 0; i < 100; ++i) {
    CHECK(choose_group(3, 3, 50, random).count == 3);
    CHECK(begin(3, 5, 0) == 0);
    CHECK(begin(0, 2, 0) == 0);
    CHECK(choose_group(0, 2, 5, random).count == 2);
  }
  int canaries = 0;
  for (int i = 0; i < 10'000; ++i) canaries += begin(3, 5, 5) == 3;
  CHECK(canaries > 400);
  CHECK(canaries < 600);
}

TEST_CASE("samples tell what a canary and the others did, while there is one") {
  Runtimes apps;
  apps.push_back(std::make_unique<AppRuntime>("hello", 2));
  Sampler sampler;
  sampler.reset(apps);
  const auto take = [&] { return *sampler.take(apps, Time{}, std::chrono::milliseconds(1000)); };
  AppShard& shard = *apps[0]->shards[0];
  shard.finished({.status = 500, .by_canary = true, .latency_us = 3});
  shard.finished({.status = 200, .by_canary = true, .latency_us = 4});
  apps[0]->shards[1]->finished({.status = 200, .latency_us = 4});
  apps[0]->has_canary = true;
  const json::value hello = take().at("apps").at("hello");
  CHECK(to_text(hello.at("canary")) == R"({"requests":2,"failed":1,"latency":[[3,1],[4,1]]})");
  CHECK(to_text(hello.at("regular")) == R"({"requests":1,"failed":0,"latency":[[4,1]]})");
  apps[0]->has_canary = false;
  shard.finished({.status = 200, .by_canary = true, .latency_us = 4});
  CHECK_FALSE(take().at("apps").at("hello").as_object().contains("canary"));
}

}  // namespace berth::router::test
