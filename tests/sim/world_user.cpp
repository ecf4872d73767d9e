// SPDX-License-Identifier: Apache-2.0
//
// What users do, and what goes wrong, at random times.
#include <algorithm>
#include <utility>

#include "tests/sim/world.hpp"

namespace berth::sim {

void World::deploy(bool bad) {
  for (Release& release : store_.releases)
    if (release.status == Status::pending) release.status = Status::failed;  // superseded
  Release release{
      .version = static_cast<int>(store_.releases.size()) + 1, .types = {"web"}, .bad = bad};
  release.content = release.version;
  release.command = random_.chance(0.3);
  if (random_.chance(0.2)) release.canary = random_.between(1, 99);
  if (random_.chance(0.5)) release.types.insert("worker");
  if (random_.chance(0.05)) release.types.erase("web");
  tell("deploy v" + std::to_string(release.version) + (bad ? " (bad)" : ""));
  store_.releases.push_back(std::move(release));
}

/// The release that served before the last, or any that did.
void World::roll_back() {
  std::vector<Release> good;
  for (const Release& release : store_.releases)
    if (release.status == Status::succeeded) good.push_back(release);
  if (good.size() < 2) return deploy(false);
  release_again(random_.chance(0.7)
                      ? good[good.size() - 2]
                      : good[static_cast<std::size_t>(
                            random_.between(0, static_cast<int>(good.size()) - 1))]);
}

void World::release_again(Release again) {
  for (Release& release : store_.releases)
    if (release.status == Status::pending) release.status = Status::failed;  // superseded
  again.version = static_cast<int>(store_.releases.size()) + 1;
  again.status = Status::pending;
  again.prepared = again.promoted = again.stays = false;
  again.canary = 0;
  tell("roll back to v" + std::to_string(again.content) + " as v" + std::to_string(again.version));
  store_.releases.push_back(std::move(again));
}

/// Somebody says what is to become of a canary.
void World::promote_or_abort() {
  const Release* newest = target();
  if (!newest || newest->status != Status::pending || newest->canary == 0) return;
  Release& canary = release(newest->version);
  if (random_.chance(0.6)) {
    canary.promoted = true;
    tell("promote v" + std::to_string(canary.version));
  } else {
    canary.status = Status::failed;
    tell("abort v" + std::to_string(canary.version));
  }
}

/// A volume comes, goes, or is restored. With an exclusive one, one replica is the most.
void World::change_volume(const std::string& type) {
  Formation& formation = store_.formation.at(type);
  if (!formation.exclusive()) {
    formation.volumes = "volume " + std::to_string(++next_id_);
    formation.quantity = std::min(formation.quantity, 1);
    if (formation.autoscaled) store_.policy.min = std::min(store_.policy.min, 1);
    if (formation.autoscaled) store_.policy.max = 1;
  } else if (random_.chance(0.5)) {
    formation.volumes.clear();
    formation.restored_at = Time::max();
  } else if (!formation.paused()) {
    formation.restored_at = now_ + random_.between(Duration(0s), Duration(20s));
    return tell("restore the volume of " + type);
  }
  tell("volumes of " + type + ": " + formation.volumes);
}

void World::crash_server() {
  server_ = {};
  // The next server believes what runs, until checks fail again.
  for (auto& [id, replica] : engine_) replica.seen.unhealthy.clear();
  server_.up_at = now_ + random_.between(Duration(0s), Duration(10s));
  starts_.clear();
  tell("the server crashes");
}

void World::trouble() {
  next_trouble_ = now_ + random_.between(Duration(100ms), Duration(15s));
  const std::string type = random_.chance(0.7) ? "web" : "worker";
  Formation& formation = store_.formation.at(type);
  if (store_.releases.empty()) return deploy(random_.chance(0.2));
  // Whoever changes what is wanted has a reason for starts; only the scheduler's own are counted.
  starts_.clear();
  switch (random_.between(0, 21)) {
    case 0:
    case 1:
      return deploy(random_.chance(0.3));
    case 2:
    case 3:
      formation.quantity = random_.between(0, formation.exclusive() ? 1 : 4);
      if (formation.autoscaled)
        formation.quantity = std::clamp(formation.quantity, store_.policy.min, store_.policy.max);
      return tell("scale " + type + "=" + std::to_string(formation.quantity));
    case 4:
      if (now_ >= server_.up_at) server_.restart_before[type] = now_;
      return tell("restart " + type);
    case 5: {
      Formation& web = store_.formation.at("web");
      web.autoscaled = random_.chance(0.7);
      store_.policy = {
          .min = random_.between(0, 2), .max = random_.between(2, 6), .requests_per_second = 20};
      if (web.exclusive()) store_.policy.min = std::min(store_.policy.min, 1);
      if (web.exclusive()) store_.policy.max = 1;
      if (!web.autoscaled) server_.scaling = {};
      return tell("autoscale web " + std::to_string(web.autoscaled));
    }
    case 6:
      store_.maintenance = random_.chance(0.3);
      return;
    case 7:
      return crash_server();
    case 8:
      router_.in_flight.clear();
      for (auto& [id, mark] : server_.marks) mark.drained = mark.draining;
      return tell("the router restarts");
    case 9:
      for (auto& [id, replica] : engine_)
        if (replica.seen.state != ReplicaState::exited && random_.chance(0.4))
          exit_now(replica, random_.chance(0.5) ? "lost" : "killed");
      return;
    case 10:
      // The database that the app needs goes, or is back.
      for (Release& release : store_.releases)
        if (release.status == Status::succeeded) release.bad = random_.chance(0.5);
      return tell("the release's health changes");
    case 12:
      formation.size = random_.chance(0.5) ? "large" : "standard";
      return tell("size " + type + "=" + formation.size);
    case 14:
    case 15:
      return roll_back();
    case 17:
      return change_volume(type);
    case 18:
      server_.routed.clear();  // what serves in a rollout that goes on otherwise may change
      formation.surge.reset();
      formation.unavailable = 0;
      if (random_.chance(0.3)) return tell("all of " + type + " at once");
      formation.surge = random_.between(0, 3);
      formation.unavailable = random_.between(formation.surge == 0 ? 1 : 0, 2);
      return tell("steps of " + type + ": " + std::to_string(*formation.surge) + " more, " +
                  std::to_string(formation.unavailable) + " fewer");
    case 19:
      return promote_or_abort();
    case 16:
      if (!std::exchange(memory_tight_, random_.chance(0.3))) tight_since_ = now_;
      return tell(memory_tight_ ? "memory is short" : "there is memory");
    case 11:
      // Readiness checks fail, or pass again.
      for (auto& [id, replica] : engine_)
        if (replica.seen.state == ReplicaState::ready && random_.chance(0.5)) {
          replica.seen.unready = !replica.seen.unready;
          tell((replica.seen.unready ? "unready " : "ready again ") + id.value);
        }
      return;
    default:
      rate_ = random_.chance(0.3) ? 0 : random_.between(1, 120);
      for (auto& [id, replica] : engine_)
        if (now_ >= server_.up_at && random_.chance(0.1)) {
          stopped_by_user_.insert(id);
          stop(id);
        }
  }
}

}  // namespace berth::sim
