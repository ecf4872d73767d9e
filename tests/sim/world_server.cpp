// SPDX-License-Identifier: Apache-2.0
//
// The shell around plan() and decide(), as server/controller does it: observe, decide, act in
// order, with a crash possible between any two acts.
#include <algorithm>

#include "platform/rollout.hpp"
#include "tests/sim/world.hpp"

namespace berth::sim {

DesiredRelease World::wanted(const Release& release, bool pending) const {
  DesiredRelease result{
      .version = release.version, .content = std::to_string(release.content), .processes = {}};
  for (const auto& [type, formation] : store_.formation) {
    if (!release.types.contains(type)) continue;
    const auto restarted = server_.restart_before.find(type);
    // A sleeping app is woken once to show that the new release can start at all.
    const bool probe = pending && formation.autoscaled && formation.quantity == 0;
    const bool canary = pending && is_canary(release);
    if (canary && type != "web") continue;
    const int quantity = probe ? 1 : formation.quantity;
    result.processes[type] = {
        .quantity = canary && quantity > 0 ? platform::canary_quantity(quantity, release.canary)
                                           : quantity,
        .autoscaled = formation.autoscaled,
        .restart_before = restarted == server_.restart_before.end() ? Time{} : restarted->second,
        .shape = formation.size,
        .volumes = formation.volumes,
        .exclusive = formation.exclusive(),
        .paused = formation.paused(),
        .surge = formation.surge,
        .unavailable = formation.unavailable};
  }
  return result;
}

/// Beside a release that serves, and where two containers may run.
bool World::is_canary(const Release& release) const {
  const Release* before = serving();
  return release.canary > 0 && !release.promoted && before && before->types.contains("web") &&
         release.types.contains("web") && !store_.formation.at("web").exclusive();
}

Desired World::desired() const {
  Desired result{.target = {},
                 .target_pending = false,
                 .release_command = false,
                 .serving = {},
                 .maintenance = store_.maintenance,
                 .memory_tight = memory_tight_,
                 .preempted = preview_ && memory_tight_};
  const Release* newest = target();
  if (!newest) return result;
  result.target_pending = newest->status == Status::pending;
  result.target = wanted(*newest, result.target_pending);
  result.release_command = newest->command;
  if (result.target_pending && serving()) result.canary = newest->canary;
  result.promoted = !is_canary(*newest);
  if (!result.target_pending && !newest->stays && good_before(*newest))
    result.roll_back_until = newest->settled_at + 60s;
  if (const Release* before = serving(); before && result.target_pending)
    result.serving = wanted(*before, false);
  return result;
}

std::vector<Observed> World::observed() {
  std::vector<Observed> result;
  for (const auto& [id, replica] : engine_) {
    Observed seen = replica.seen;
    const Observed& mark = server_.marks[id];
    seen.content = std::to_string(release(seen.slot.release).content);
    seen.stopping = mark.stopping;
    seen.draining = mark.draining;
    seen.drained = mark.drained;
    seen.unrouted = server_.unrouted.contains(id);
    seen.draining_since = mark.draining_since;
    result.push_back(seen);
  }
  for (std::size_t i = result.size(); i > 1; --i)
    std::swap(result[i - 1],
              result[static_cast<std::size_t>(random_.between(0, static_cast<int>(i) - 1))]);
  return result;
}

void World::reconcile() {
  const Desired wanted = desired();
  const std::vector<Observed> seen = observed();
  const Plan decided = plan(wanted, seen, server_.memory, policy_, now_);
  check_steps(wanted, seen, decided);
  check_plan(wanted, seen, decided);
  check_canary(wanted, decided);
  server_.memory = decided.memory;
  server_.timer = decided.next == Time{} ? Time::max() : decided.next;
  // Routes before stops: a replica leaves the table before it hears of its end.
  for (const Action& action : decided.actions)
    if (std::holds_alternative<DrainReplica>(action) && !act(action)) return;
  route(decided);
  for (const Action& action : decided.actions)
    if (!std::holds_alternative<DrainReplica>(action) && !act(action)) return;
  check_slots();
  check_frozen();
  check_preempted();
  check_volumes();
}

void World::route(const Plan& plan) {
  std::set<ReplicaId> table(plan.routed.begin(), plan.routed.end());
  table.insert(plan.canary.begin(), plan.canary.end());
  for (const ReplicaId& id : router_.table)
    if (!table.contains(id)) router_.removed_at[id] = now_;
  for (const ReplicaId& id : table) {
    router_.removed_at.erase(id);
    router_.reported.erase(id);
  }
  for (const ReplicaId& id : table) server_.unrouted.erase(id);
  router_.table = table;
  router_.state = plan.state;
  server_.routed = plan.routed;
}

bool World::act(const Action& action) {
  if (!calm_ && random_.chance(0.003)) {
    crash_server();
    return false;
  }
  if (const auto* starting = std::get_if<StartReplica>(&action)) {
    check_start(starting->slot);
    start(starting->slot);
  } else if (const auto* drain = std::get_if<DrainReplica>(&action)) {
    tell("drain " + drain->id.value);
    Observed& mark = server_.marks[drain->id];
    mark.draining = true;
    mark.draining_since = now_;
    if (plant_bug_ && random_.chance(0.02)) mark.drained = true;
    // It may not have been in the table: then there is nothing left on it, and the router says so.
    router_.removed_at.try_emplace(drain->id, now_);
  } else if (const auto* rest = std::get_if<FreezeReplica>(&action)) {
    freeze(rest->id);
  } else if (const auto* wake = std::get_if<ThawReplica>(&action)) {
    Replica& replica = engine_.at(wake->id);
    demand(replica.seen.frozen, "only what is frozen is thawed");
    tell("thaw " + wake->id.value);
    thaw(replica);
    Observed& mark = server_.marks[wake->id];
    mark.draining = mark.drained = false;
    router_.removed_at.erase(wake->id);
    router_.reported.erase(wake->id);
  } else if (const auto* stopping = std::get_if<StopReplica>(&action)) {
    check_stop(stopping->id);
    stop(stopping->id);
  } else if (const auto* gone = std::get_if<ForgetReplica>(&action)) {
    demand(engine_.at(gone->id).seen.state == ReplicaState::exited,
           "only what has exited is forgotten");
    engine_.erase(gone->id);
    server_.marks.erase(gone->id);
    router_.removed_at.erase(gone->id);
    router_.reported.erase(gone->id);
  } else if (const auto* outcome = std::get_if<SettleRelease>(&action)) {
    release(outcome->version).status = outcome->succeeded ? Status::succeeded : Status::failed;
    release(outcome->version).settled_at = now_;
    starts_.clear();  // what it has stopped half-way may begin again
    // What shows to be ready when trouble is over is well.
    if (calm_ && outcome->succeeded) release(outcome->version).bad = false;
    tell("settle v" + std::to_string(outcome->version) +
         (outcome->succeeded ? " succeeded" : " failed: " + outcome->failure));
    server_.timer = now_;
  } else if (const auto* back = std::get_if<RollBack>(&action)) {
    demand(target() && back->version == target()->version && !back->why.empty() &&
               !target()->stays,
           "a release is rolled back once, and it is said why");
    tell("v" + std::to_string(back->version) + " is rolled back: " + back->why);
    release(back->version).stays = true;
    release_again(*good_before(*target()));
    store_.releases.back().stays = true;
    server_.timer = now_;
  }
  return true;
}

void World::start(const Slot& slot) {
  const ReplicaId id("r-" + std::to_string(++next_id_));
  server_.unrouted.insert(id);
  tell("start " + id.value + " as v" + std::to_string(slot.release) + " " + slot.type + "." +
       std::to_string(slot.index));
  Replica& replica = engine_[id];
  replica.seen.id = id;
  replica.seen.slot = slot;
  replica.seen.started_at = now_;
  if (slot.type != platform::release_process) {
    replica.seen.shape = store_.formation.at(slot.type).size;
    replica.seen.volumes = store_.formation.at(slot.type).volumes;
    demand(!store_.formation.at(slot.type).paused(),
           "nothing starts while its volume is restored: " + id.value);
  }
  if (!calm_ && random_.chance(0.05)) {
    // The image could not be prepared: it never began, and has no start.
    replica.seen.started_at = {};
    return exit_now(replica, "cannot start");
  }
  if (slot.type == platform::release_process) return start_command(replica);
  if (!calm_ && random_.chance(0.04)) {
    replica.exit_due = now_ + 60s;
    replica.exit_message = "did not listen within 60 s";
    return;
  }
  replica.ready_due =
      now_ + random_.between(Duration(20ms), Duration(random_.chance(0.8) ? 1s : 8s));
  if (release(slot.release).bad && random_.chance(0.3)) {
    replica.ready_due = Time::max();
    replica.condemned_due = now_ + random_.between(Duration(1ms), Duration(3s));
  } else if (release(slot.release).bad) {
    replica.exit_due = now_ + random_.between(Duration(1ms), Duration(3s));
    replica.exit_message = "exit status 1";
  } else if (!calm_ && random_.chance(0.15)) {
    replica.exit_due = now_ + random_.between(Duration(1ms), Duration(200s));
    replica.exit_message = "out of memory";
  } else if (!calm_ && random_.chance(0.1)) {
    replica.condemned_due = now_ + random_.between(Duration(1ms), Duration(200s));
  }
}

void World::start_command(Replica& replica) {
  replica.ready_due = now_;
  replica.exit_due = now_ + random_.between(Duration(1ms), Duration(20s));
  const bool fails = release(replica.seen.slot.release).bad || (!calm_ && random_.chance(0.1));
  replica.exit_message = fails ? "exited with status 1" : exited_well;
}

void World::freeze(const ReplicaId& id) {
  Replica& replica = engine_.at(id);
  demand(!router_.table.contains(id) && router_.in_flight[id].empty(),
         "only what has no requests is frozen: " + id.value);
  demand(replica.seen.state == ReplicaState::ready && replica.seen.slot.type == "web",
         "only a ready web replica is frozen: " + id.value);
  tell("freeze " + id.value);
  replica.seen.frozen = true;
  replica.seen.frozen_since = now_;
}

/// What was to become of it comes later by the time that it stood still.
void World::thaw(Replica& replica) {
  if (!replica.seen.frozen) return;
  replica.seen.frozen = false;
  const Duration stood = now_ - replica.seen.frozen_since;
  for (Time* due : {&replica.exit_due, &replica.condemned_due})
    if (*due != Time::max()) *due += stood;
}

void World::stop(const ReplicaId& id) {
  Replica& replica = engine_.at(id);
  if (replica.seen.state == ReplicaState::exited) return;
  thaw(replica);
  server_.marks[id].stopping = true;
  if (replica.stop_requested) return;
  tell("stop " + id.value);
  replica.stop_requested = true;
  const Duration grace =
      random_.between(Duration(1ms), Duration(random_.chance(0.8) ? 500ms : 30s));
  replica.exit_due = std::min(replica.exit_due, now_ + grace);
  replica.exit_message = "stopped";
}

void World::autoscale(const LoadSample& sample) {
  Formation& web = store_.formation.at("web");
  if (!web.autoscaled) return;
  if (server_.scaling.quantity != web.quantity) server_.scaling.since = now_;  // by somebody else
  server_.scaling.quantity = web.quantity;
  const Decision decision = decide(store_.policy, server_.scaling, sample, now_);
  demand(decision.quantity >= store_.policy.min && decision.quantity <= store_.policy.max,
         "the autoscaler stays within its bounds");
  demand(!decision.why.empty(), "the autoscaler says why");
  if (decision.quantity == web.quantity) return;
  tell("autoscale " + std::to_string(web.quantity) + " to " + std::to_string(decision.quantity) +
       ": " + decision.why);
  web.quantity = decision.quantity;
  starts_.clear();
}

}  // namespace berth::sim
