// SPDX-License-Identifier: Apache-2.0
//
// What must hold after every decision, and what must have come about when trouble ends.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace berth::sim {

namespace {

constexpr Duration looks_every = 1s;  ///< the server, at memory

const Observed* find(const std::vector<Observed>& observed, const ReplicaId& id) {
  const auto found = std::ranges::find(observed, id, &Observed::id);
  return found == observed.end() ? nullptr : &*found;
}

int web_quantity(const Desired& desired) {
  if (desired.preempted) return 0;
  const DesiredRelease& serving = desired.target_pending ? desired.serving : desired.target;
  const auto web = serving.processes.find("web");
  return serving.version == 0 || web == serving.processes.end() ? 0 : web->second.quantity;
}

}  // namespace

void World::demand(bool kept, const std::string& promise) const {
  if (!kept) throw Broken(stamp() + ": " + promise);
}

void World::check_plan(const Desired& desired, const std::vector<Observed>& observed,
                       const Plan& plan) {
  check_routes(desired, observed, plan);
  std::size_t slots = 0;
  for (const DesiredRelease* release : {&desired.target, &desired.serving})
    for (const auto& [type, process] : release->processes)
      slots += static_cast<std::size_t>(process.quantity);
  demand(plan.memory.slots.size() <= slots, "the scheduler's memory is bounded by what is wanted");
  std::set<ReplicaId> touched;
  for (const Action& action : plan.actions) {
    if (const auto* outcome = std::get_if<SettleRelease>(&action)) check_settle(*outcome, observed);
    const auto* drain = std::get_if<DrainReplica>(&action);
    const auto* stop = std::get_if<StopReplica>(&action);
    if (!drain && !stop) continue;
    const ReplicaId& id = drain ? drain->id : stop->id;
    const Observed* replica = find(observed, id);
    demand(replica && replica->state != ReplicaState::exited && !replica->stopping,
           "only what runs and is not stopping yet is drained or stopped");
    demand(touched.insert(id).second, "a replica gets one of drain and stop in a plan");
  }
  if (random_.chance(0.1)) check_order_is_no_matter(desired, observed, plan);
}

void World::check_routes(const Desired& desired, const std::vector<Observed>& observed,
                         const Plan& plan) {
  std::set<ReplicaId> routed;
  std::set<int> covered;
  for (const ReplicaId& id : plan.routed) {
    demand(routed.insert(id).second, "a replica is routed once");
    const Observed* replica = find(observed, id);
    demand(replica && replica->slot.type == "web", "only web replicas are routed");
    demand(replica->state == ReplicaState::ready && !replica->stopping && !replica->draining,
           "only ready replicas that are not on their way out are routed: " + id.value);
    demand(!replica->frozen, "what is frozen gets no traffic: " + id.value);
    demand(!replica->unready && replica->unhealthy.empty(),
           "a replica whose health checks fail is not routed: " + id.value);
    demand(steps_.contains("web") ||
               std::ranges::any_of(store_.releases,
                                   [&](const Release& known) {
                                     return known.status == Status::succeeded &&
                                            stands_for(*replica, known.version);
                                   }),
           "a release that did not succeed gets no traffic: " + id.value);
    covered.insert(replica->slot.index);
  }
  for (const Action& action : plan.actions) {
    const auto* drain = std::get_if<DrainReplica>(&action);
    const auto* stop = std::get_if<StopReplica>(&action);
    demand(!drain || !routed.contains(drain->id), "what is drained is not routed");
    demand(!stop || !routed.contains(stop->id), "what is stopped is not routed");
  }
  // A slot that served goes on serving unless its replica fell or is not wanted any more.
  for (const ReplicaId& id : server_.routed) {
    const Observed* replica = find(observed, id);
    const bool able = replica && replica->state == ReplicaState::ready && !replica->stopping &&
                      !replica->unready && replica->unhealthy.empty() && !replica->frozen;
    const Formation& web = store_.formation.at("web");
    if (able && replica->slot.index <= web_quantity(desired) && !web.exclusive() &&
        !web.stepwise())
      demand(covered.contains(replica->slot.index),
             "a slot that serves goes on serving: web." + std::to_string(replica->slot.index));
  }
}

/// Of a type that is replaced stepwise no more are started than may be there, and no more slots are
/// left without one that serves than may be.
void World::check_steps(const Desired& desired, const std::vector<Observed>& observed,
                        const Plan& plan) {
  for (const auto& [type, formation] : store_.formation) {
    if (!formation.stepwise() || formation.paused() || desired.preempted) continue;
    steps_.insert(type);
    const auto is_counted = [&](const Observed& seen) {
      return seen.slot.type == type && seen.state != ReplicaState::exited && !seen.frozen &&
             !(desired.is_canary() && seen.slot.release == desired.target.version);
    };
    auto there = std::ranges::count_if(observed, is_counted);
    for (const Action& action : plan.actions) {
      const auto* start = std::get_if<StartReplica>(&action);
      if (start && start->slot.type == type &&
          !(desired.is_canary() && start->slot.release == desired.target.version))
        demand(++there <= std::max(formation.quantity, 1) + *formation.surge,
               "no more replicas of a type than its surge allows: " + type);
    }
    std::set<ReplicaId> gone;
    for (const Action& action : plan.actions) {
      if (const auto* drain = std::get_if<DrainReplica>(&action)) gone.insert(drain->id);
      if (const auto* stop = std::get_if<StopReplica>(&action)) gone.insert(stop->id);
    }
    std::set<int> before;
    std::set<int> after;
    for (const Observed& seen : observed) {
      const bool serves = is_counted(seen) && seen.state == ReplicaState::ready &&
                          !seen.stopping && !seen.draining && !seen.unready &&
                          seen.unhealthy.empty() && seen.slot.index <= formation.quantity;
      if (serves) before.insert(seen.slot.index);
      if (serves && !gone.contains(seen.id)) after.insert(seen.slot.index);
    }
    const DesiredRelease& serving = desired.target_pending ? desired.serving : desired.target;
    demand(!serving.processes.contains(type) || after.size() == before.size() ||
               static_cast<int>(after.size()) >= formation.quantity - formation.unavailable,
           "no more slots of a type go away than may be unavailable: " + type);
  }
}

/// Requests of a canary are additional to those who serve, and it is not settled by itself.
void World::check_canary(const Desired& desired, const Plan& plan) const {
  for (const ReplicaId& id : plan.canary) {
    demand(desired.canary > 0, "without a canary none gets its share");
    demand(std::ranges::find(plan.routed, id) == plan.routed.end(),
           "a canary gets its share, and no more: " + id.value);
    const Observed& seen = engine_.at(id).seen;
    demand(stands_for(seen, desired.target.version) && seen.slot.type == "web" &&
               seen.state == ReplicaState::ready && !seen.frozen,
           "a canary's replicas are those of the release: " + id.value);
  }
  for (const Action& action : plan.actions) {
    const auto* outcome = std::get_if<SettleRelease>(&action);
    demand(!outcome || !outcome->succeeded || !desired.is_canary(),
           "a canary succeeds when it is promoted");
  }
}

void World::check_order_is_no_matter(const Desired& desired, std::vector<Observed> observed,
                                     const Plan& plan) {
  std::ranges::reverse(observed);
  const Plan again = runtime::plan(desired, observed, server_.memory, policy_, now_);
  demand(again.routed == plan.routed && again.state == plan.state && again.memory == plan.memory &&
             again.canary == plan.canary &&
             again.next == plan.next && again.actions.size() == plan.actions.size(),
         "the order of the observation is of no matter");
  for (const Action& action : plan.actions)
    demand(std::ranges::find(again.actions, action) != again.actions.end(),
           "the order of the observation changes no action");
}

void World::check_start(const Slot& slot) {
  if (slot.type == platform::release_process) {
    for (const auto& [id, replica] : engine_)
      demand(replica.seen.slot.type != slot.type || replica.seen.state == ReplicaState::exited,
             "one release command runs at a time");
    return;
  }
  demand(!release(slot.release).command || release(slot.release).prepared,
         "a release's replicas start when its command has succeeded");
  auto& starts = starts_[slot];
  starts.push_back(now_);
  // At once, then after 1, 2 and 4 s: five starts of a slot take at least seven seconds.
  if (starts.size() >= 5)
    demand(now_ - starts[starts.size() - 5] >= 7s,
           "a slot is not started again during its back-off: " + slot.type + "." +
               std::to_string(slot.index));
}

void World::check_stop(const ReplicaId& id) {
  // Nobody waits for the answers of one that its checks give up; it has its grace.
  if (!engine_.at(id).seen.unhealthy.empty()) return;
  const auto requests = router_.in_flight.find(id);
  if (requests == router_.in_flight.end() || requests->second.empty()) return;
  const auto removed = router_.removed_at.find(id);
  demand(removed != router_.removed_at.end() && now_ >= removed->second + policy_.drain_timeout,
         "a replica with requests is stopped only after the drain deadline: " + id.value);
}

void World::check_settle(const SettleRelease& outcome,
                         const std::vector<Observed>& observed) const {
  const Release& settled = store_.releases.at(static_cast<std::size_t>(outcome.version - 1));
  demand(settled.status == Status::pending, "a release is settled once");
  if (!outcome.succeeded) {
    demand(!outcome.failure.empty(), "a release that failed says why");
    if (preview_ && memory_tight_) return;  // it is the reason
    demand(std::ranges::any_of(observed,
                               [&](const Observed& seen) {
                                 if (seen.slot.release != outcome.version) return false;
                                 if (!seen.unhealthy.empty() && !seen.stopping) return true;
                                 return seen.state == ReplicaState::exited &&
                                        (!seen.stopping ||
                                         seen.slot.type == platform::release_process);
                               }),
           "a release fails by one of its own replicas");
    return;
  }
  for (const auto& [type, process] : wanted(settled, true).processes)
    for (int index = 1; index <= process.quantity; ++index)
      demand(std::ranges::any_of(observed,
                                 [&](const Observed& seen) {
                                   return seen.slot.type == type && seen.slot.index == index &&
                                          stands_for(seen, outcome.version) && !seen.frozen &&
                                          seen.state == ReplicaState::ready &&
                                          !seen.stopping && !seen.unready &&
                                          seen.unhealthy.empty();
                                 }),
             "a release succeeds when all its replicas are ready");
}

bool World::stands_for(const Observed& seen, int version) const {
  const auto content = [this](int of) {
    return store_.releases.at(static_cast<std::size_t>(of - 1)).content;
  };
  return content(seen.slot.release) == content(version);
}

void World::check_frozen() {
  std::set<std::pair<int, int>> kept;
  std::set<int> releases;
  for (const auto& [id, replica] : engine_) {
    if (!replica.seen.frozen || replica.seen.state == ReplicaState::exited) continue;
    demand(now_ <= replica.seen.frozen_since + policy_.keep_frozen,
           "what is frozen is kept for its time: " + id.value);
    demand(!memory_tight_, "nothing is kept where memory is short: " + id.value);
    const int content = release(replica.seen.slot.release).content;
    demand(kept.insert({content, replica.seen.slot.index}).second,
           "one replica a slot is kept frozen: " + id.value);
    releases.insert(content);
  }
  demand(releases.size() <= 1, "replicas of one release are kept frozen");
}

/// A preview has its drain and its grace from when the server saw it, and not a moment more.
void World::check_preempted() const {
  if (!preview_ || !memory_tight_) return;
  demand(router_.table.empty(), "a preview gets no traffic where memory is short");
  for (const auto& [id, replica] : engine_) {
    if (replica.seen.state == ReplicaState::exited) continue;
    const Time seen_at = std::max(tight_since_, server_.up_at) + looks_every;
    demand(replica.stop_requested || now_ < seen_at + policy_.drain_timeout,
           "a preview is stopped where memory is short: " + id.value);
    demand(replica.seen.started_at <= tight_since_,
           "nothing of a preview starts where memory is short: " + id.value);
  }
}

void World::check_volumes() const {
  std::map<std::string, ReplicaId> holders;
  for (const auto& [id, replica] : engine_) {
    if (replica.seen.volumes.empty() || replica.seen.state == ReplicaState::exited) continue;
    const auto [holder, first] = holders.emplace(replica.seen.volumes, id);
    demand(first, "never two live containers with one exclusive volume: " + holder->second.value +
                      " and " + id.value);
    demand(!replica.seen.frozen, "what has a volume is not frozen: " + id.value);
  }
}

void World::check_slots() {
  std::map<Slot, int> current;
  for (const auto& [id, replica] : engine_) {
    const Observed& mark = server_.marks[id];
    if (replica.seen.state == ReplicaState::exited || mark.stopping || mark.draining ||
        replica.seen.frozen)
      continue;
    const auto restarted = server_.restart_before.find(replica.seen.slot.type);
    if (restarted != server_.restart_before.end() && replica.seen.started_at < restarted->second)
      continue;
    const auto formation = store_.formation.find(replica.seen.slot.type);
    if (formation != store_.formation.end() &&
        (formation->second.size != replica.seen.shape ||
         formation->second.volumes != replica.seen.volumes))
      continue;
    demand(++current[replica.seen.slot] == 1, "a slot has one current replica: v" +
                                                  std::to_string(replica.seen.slot.release) + " " +
                                                  replica.seen.slot.type + "." +
                                                  std::to_string(replica.seen.slot.index));
  }
}

void World::check_converged() {
  const Release* newest = target();
  demand(newest == serving(), "every release is settled in the end");
  const Desired desired = this->desired();
  std::set<Slot> wanted;
  if (newest)
    for (const auto& [type, process] : desired.target.processes)
      for (int index = 1; index <= process.quantity; ++index)
        wanted.insert({type, index, newest->version});
  std::set<Slot> running;
  std::set<ReplicaId> web;
  for (const auto& [id, replica] : engine_) {
    demand(replica.seen.state == ReplicaState::ready && !replica.stop_requested &&
               !replica.seen.unready && replica.seen.unhealthy.empty(),
           "in the end everything is ready: " + id.value);
    demand(!replica.seen.frozen, "in the end nothing is frozen: " + id.value);
    Slot slot = replica.seen.slot;
    if (newest && stands_for(replica.seen, newest->version)) slot.release = newest->version;
    demand(running.insert(slot).second,
           "in the end a slot has one replica: " + id.value);
    if (replica.seen.slot.type == "web") web.insert(id);
    demand(replica.seen.shape == store_.formation.at(replica.seen.slot.type).size,
           "in the end every replica has the size that is wanted: " + id.value);
    demand(replica.seen.volumes == store_.formation.at(replica.seen.slot.type).volumes,
           "in the end every replica has the volumes that are wanted: " + id.value);
  }
  demand(running == wanted, "in the end what is wanted runs, and nothing else");
  demand(router_.table == web, "in the end all web replicas get traffic");
  const Formation& formation = store_.formation.at("web");
  if (formation.autoscaled && newest && newest->types.contains("web") && !store_.maintenance) {
    const int needed = rate_ == 0 && store_.policy.min == 0 ? 0 : std::max(1, (rate_ + 19) / 20);
    demand(formation.quantity == std::clamp(needed, store_.policy.min, store_.policy.max),
           "in the end there are as many replicas as " + std::to_string(rate_) +
               " requests/s need, not " + std::to_string(formation.quantity));
  }
  const Plan last = plan(desired, observed(), server_.memory, policy_, now_);
  demand(last.actions.empty(), "in the end there is nothing to do");
  demand(last.next == Time{} || last.next > now_, "in the end nothing is due");
  const bool has_web = newest && newest->types.contains("web");
  const AppState expected = store_.maintenance ? AppState::maintenance
                            : !newest          ? AppState::empty
                            : has_web && formation.quantity > 0        ? AppState::running
                            : has_web && formation.autoscaled          ? AppState::asleep
                                                                       : AppState::stopped;
  demand(last.state == expected,
         "in the end the state is the one wanted, not " + std::string(name_of(last.state)));
}

}  // namespace berth::sim
