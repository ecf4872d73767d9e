// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.hpp"

#include <algorithm>

namespace berth::sim {

World::World(std::uint64_t seed, bool trace, bool plant_bug)
    : random_(seed), tracing_(trace), plant_bug_(plant_bug) {
  next_second_ = now_ + 1s;
  next_trouble_ = now_;
  policy_ = {
      .drain_timeout = 30s, .first_backoff = 1s, .longest_backoff = 60s, .steady_after = 60s,
      .keep_frozen = 100s};
  store_.formation = {{"web", {.quantity = 1}}, {"worker", {}}};
  preview_ = random_.chance(0.3);
}

void World::run() {
  const Time trouble_ends = now_ + random_.between(Duration(30s), Duration(300s));
  while (now_ < trouble_ends) step();
  calm_down();
  // The longest that anything takes one after the other: a hanging boot, its back-off, a rollout's
  // boot, the drain, the grace, and the quiet before sleep.
  const Time calm_ends = now_ + 60s + 60s + 60s + 30s + 30s + 120s;
  while (now_ < calm_ends) step();
  check_converged();
}

void World::step() {
  now_ = std::max(now_, next_event());
  engine_events();
  router_events();
  if (now_ >= next_second_) second();
  if (!calm_ && now_ >= next_trouble_) trouble();
  if (now_ < server_.up_at) return;
  // Events may be missed: whole states are compared, so the next look makes up for it.
  if (calm_ || now_ >= server_.timer || random_.chance(0.9)) reconcile();
}

Time World::next_event() const {
  Time next = next_second_;
  if (!calm_) next = std::min(next, next_trouble_);
  if (server_.up_at > now_)
    next = std::min(next, server_.up_at);
  else
    next = std::min(next, server_.timer);
  for (const auto& [id, replica] : engine_) {
    if (replica.seen.state == ReplicaState::exited || replica.seen.frozen) continue;
    next = std::min(next, replica.exit_due);
    if (replica.seen.unhealthy.empty()) next = std::min(next, replica.condemned_due);
    if (replica.seen.state == ReplicaState::starting) next = std::min(next, replica.ready_due);
  }
  return next;
}

void World::engine_events() {
  for (auto& [id, replica] : engine_) {
    Observed& seen = replica.seen;
    if (seen.state == ReplicaState::exited || seen.frozen) continue;
    if (now_ >= replica.condemned_due && seen.unhealthy.empty()) {
      seen.unhealthy = seen.state == ReplicaState::ready ? "failed its liveness check"
                                                         : "failed its startup check";
      tell("condemned " + id.value);
    }
    if (now_ >= replica.exit_due) {
      exit_now(replica, replica.exit_message);
    } else if (seen.state == ReplicaState::starting && now_ >= replica.ready_due) {
      seen.state = ReplicaState::ready;
      seen.ready_at = now_;
      tell("ready " + id.value);
    }
  }
}

void World::exit_now(Replica& replica, std::string message) {
  replica.seen.state = ReplicaState::exited;
  // Some of those that are lost leave no time of their end.
  if (message != "lost" || random_.chance(0.5)) replica.seen.exited_at = now_;
  replica.seen.succeeded = message == exited_well;
  replica.seen.message = std::move(message);
  if (replica.seen.succeeded && replica.seen.slot.type == platform::release_process)
    release(replica.seen.slot.release).prepared = true;
  router_.in_flight.erase(replica.seen.id);
  tell("exit " + replica.seen.id.value + ": " + replica.seen.message);
}

void World::router_events() {
  for (auto& [id, ends] : router_.in_flight)
    router_.finished += std::erase_if(ends, [this](Time end) { return end <= now_; });
  for (const auto& [id, at] : router_.removed_at) {
    if (router_.reported.contains(id)) continue;
    if (const auto left = router_.in_flight.find(id);
        left != router_.in_flight.end() && !left->second.empty())
      continue;
    router_.reported.insert(id);
    // Nobody listens while the server is down: the deadline has to do.
    if (now_ < server_.up_at) continue;
    if (const auto mark = server_.marks.find(id);
        mark != server_.marks.end() && mark->second.draining) {
      mark->second.drained = true;
      tell("drained " + id.value);
    }
  }
}

/// A second of traffic, and the sample of it.
void World::second() {
  next_second_ = now_ + 1s;
  const LoadSample sample{.at = now_,
                          .requests = std::exchange(router_.finished, 0),
                          .in_flight = [this] {
                            std::uint64_t count = 0;
                            for (const auto& [id, ends] : router_.in_flight) count += ends.size();
                            return count;
                          }(),
                          .held = router_.held};
  const bool holds = router_.state == AppState::asleep || router_.state == AppState::running;
  if (!router_.table.empty()) {
    const std::vector<ReplicaId> targets(router_.table.begin(), router_.table.end());
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(rate_) + router_.held; ++i) {
      const auto& target = targets[static_cast<std::size_t>(
          random_.between(0, static_cast<int>(targets.size()) - 1))];
      // In trouble, some are long: downloads and sockets that stay open.
      const bool is_long = !calm_ && random_.chance(0.01);
      const Duration takes = calm_
                                 ? Duration(900ms)
                                 : random_.between(Duration(1ms), Duration(is_long ? 200s : 900ms));
      router_.in_flight[target].push_back(now_ + takes);
    }
    router_.held = 0;
  } else if (holds) {
    router_.held = std::min<std::uint64_t>(1000, router_.held + static_cast<std::uint64_t>(rate_));
  }
  if (now_ < server_.up_at) return;
  restore_volumes();
  if (!calm_ && random_.chance(0.05)) return;  // the sample is lost
  autoscale(sample);
  if (!calm_ && random_.chance(0.02)) autoscale(sample);  // or comes twice
}

/// The content is replaced while no container has it.
void World::restore_volumes() {
  for (auto& [type, formation] : store_.formation) {
    if (now_ < formation.restored_at || is_held(type)) continue;
    formation.restored_at = Time::max();
    tell("restored the volume of " + type);
    server_.timer = now_;
  }
}

bool World::is_held(const std::string& type) const {
  return std::ranges::any_of(engine_, [&](const auto& entry) {
    const Observed& seen = entry.second.seen;
    return seen.slot.type == type && seen.state != ReplicaState::exited && !seen.volumes.empty();
  });
}

/// No more faults: what is broken is mended, what was asked for may take its time.
void World::calm_down() {
  calm_ = true;
  memory_tight_ = false;
  tell("calm");
  for (Release& release : store_.releases)
    release.bad = release.bad && release.status != Status::succeeded;
  for (auto& [id, replica] : engine_) {
    if (replica.stop_requested || replica.seen.state == ReplicaState::exited) continue;
    if (release(replica.seen.slot.release).bad) continue;
    if (replica.seen.slot.type == platform::release_process) continue;  // its end is what it is for
    replica.seen.unready = false;
    if (replica.seen.state == ReplicaState::ready || replica.ready_due != Time::max())
      replica.condemned_due = Time::max();
    if (replica.seen.state == ReplicaState::ready) replica.exit_due = Time::max();
    if (replica.seen.state == ReplicaState::starting && replica.ready_due != Time::max())
      replica.exit_due = Time::max();
  }
  promote_or_abort();
  rate_ = random_.chance(0.5) ? 0 : random_.between(1, 120);
  server_.up_at = std::min(server_.up_at, now_);
}

const World::Release* World::target() const {
  for (auto at = store_.releases.rbegin(); at != store_.releases.rend(); ++at)
    if (at->status != Status::failed) return &*at;
  return nullptr;
}

const World::Release* World::serving() const {
  for (auto at = store_.releases.rbegin(); at != store_.releases.rend(); ++at)
    if (at->status == Status::succeeded) return &*at;
  return nullptr;
}

const World::Release* World::good_before(const Release& release) const {
  for (auto at = store_.releases.rbegin(); at != store_.releases.rend(); ++at)
    if (at->status == Status::succeeded && at->version < release.version &&
        at->content != release.content)
      return &*at;
  return nullptr;
}

World::Release& World::release(int version) {
  return store_.releases.at(static_cast<std::size_t>(version - 1));
}

std::string World::stamp() const {
  return std::to_string((now_ - Time(std::chrono::hours(1000))) / 1ms) + " ms";
}

void World::tell(const std::string& what) {
  if (tracing_) story_.push_back(stamp() + "  " + what);
}

}  // namespace berth::sim
