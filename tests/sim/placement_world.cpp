// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/placement_world.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace berth::sim {

namespace {

constexpr Duration given_up_after = 10s;
constexpr int troubled_seconds = 300;
constexpr int calm_seconds = 300;
const SchedulerPolicy policy{.drain_timeout = 5s};

std::string slot_name(const Slot& slot) { return slot.type + "." + std::to_string(slot.index); }

}  // namespace

PlacementWorld::PlacementWorld(std::uint64_t seed, bool plant_bug)
    : random_(seed), plant_bug_(plant_bug) {
  const int machines = random_.between(1, 5);
  for (int i = 0; i < machines; ++i)
    nodes_.push_back(
        {.name = "node" + std::to_string(i),
         .labels = {{"zone", random_.chance(0.5) ? "a" : "b"}},
         .capacity = {.memory_bytes = static_cast<std::uint64_t>(random_.between(4, 16))}});
  machines_.resize(nodes_.size());
  short_until_.resize(nodes_.size());
  const int apps = random_.between(2, 8);
  for (int i = 0; i < apps; ++i) {
    App app{.name = "app" + std::to_string(i)};
    app.preview = random_.chance(0.3);
    app.quantity = random_.between(1, 4);
    app.least = random_.between(1, app.quantity);
    app.memory = static_cast<std::uint64_t>(random_.between(1, 3));
    app.exclusive = random_.chance(0.2);
    if (app.exclusive) app.quantity = app.least = 1;
    if (random_.chance(0.3)) app.labels = {{"zone", random_.chance(0.5) ? "a" : "b"}};
    apps_.push_back(std::move(app));
  }
}

void PlacementWorld::run() {
  for (int i = 0; i < troubled_seconds; ++i) {
    if (random_.chance(0.2)) trouble();
    step();
  }
  calm_ = true;
  tell("calm");
  for (std::size_t node = 0; node < machines_.size(); ++node)
    if (!is_heard(node)) come_back(node);
  for (int i = 0; i < calm_seconds; ++i) step();
  check_calm();
}

void PlacementWorld::step() {
  now_ += 1s;
  machines();
  containers();
  server();
  check_volumes();
}

bool PlacementWorld::is_heard(std::size_t node) const {
  return machines_[node].runs && machines_[node].reached;
}

void PlacementWorld::machines() {
  for (std::size_t node = 0; node < machines_.size(); ++node) {
    Machine& machine = machines_[node];
    if (machine.back_at <= now_) come_back(node);
    if (is_heard(node) || now_ - machine.silent_since < given_up_after) continue;
    for (auto& [id, container] : containers_) {
      if (container.node != node || container.given_up) continue;
      container.given_up = true;
      container.seen.state = ReplicaState::exited;
      container.seen.exited_at = now_;
      container.seen.message = "its node is lost";
      tell("given up: " + id.value);
    }
  }
}

void PlacementWorld::come_back(std::size_t node) {
  machines_[node] = {};
  for (auto& [id, container] : containers_)
    if (container.node == node && container.given_up) container.alive = false;
  tell(nodes_[node].name + " is back");
}

void PlacementWorld::containers() {
  for (auto& [id, container] : containers_) {
    if (container.exit_due <= now_) container.alive = false;
    if (!is_heard(container.node) || container.given_up) continue;
    Observed& seen = container.seen;
    if (!container.alive && seen.state != ReplicaState::exited) {
      seen.state = ReplicaState::exited;
      seen.exited_at = now_;
      seen.message = "it ended";
    } else if (container.alive && seen.state == ReplicaState::starting &&
               container.ready_due <= now_) {
      seen.state = ReplicaState::ready;
      seen.ready_at = now_;
    }
    if (seen.draining) seen.drained = true;
    if (seen.stopping)
      container.exit_due = std::min(container.exit_due, now_ + random_.between(1s, 3s));
  }
  std::erase_if(containers_, [](const auto& entry) {
    return entry.second.forgotten && !entry.second.alive;
  });
}

void PlacementWorld::trouble() {
  const int what = random_.between(0, 9);
  if (what < 2) {
    const auto node = static_cast<std::size_t>(
        random_.between(0, static_cast<int>(machines_.size()) - 1));
    Machine& machine = machines_[node];
    if (!is_heard(node)) return;
    (random_.chance(0.5) ? machine.runs : machine.reached) = false;
    machine.silent_since = now_;
    machine.back_at = now_ + random_.between(1s, 90s);
    if (!machine.runs)
      for (auto& [id, container] : containers_)
        if (container.node == node) container.alive = false;
    tell(nodes_[node].name + (machine.runs ? " is out of reach" : " dies"));
  } else if (what < 4) {
    for (auto& [id, container] : containers_)
      if (container.alive && random_.chance(0.2)) container.exit_due = now_;
  } else if (what == 4) {
    tell("the server crashes");
    for (App& app : apps_) app.memory_of_plan = {}, app.gives_way = false;
    std::ranges::fill(short_until_, Time{});
    unplaced_.clear();
    for (auto& [id, container] : containers_)
      container.seen.stopping = container.seen.draining = container.seen.drained = false;
  } else {
    change_app();
  }
}

void PlacementWorld::change_app() {
  const auto index =
      static_cast<std::size_t>(random_.between(0, static_cast<int>(apps_.size()) - 1));
  App& app = apps_[index];
  switch (random_.between(0, 3)) {
    case 0:
      if (!app.exclusive) app.quantity = random_.between(0, 5);
      app.least = random_.between(std::min(1, app.quantity), std::max(app.quantity, 1));
      return tell(app.name + " scales to " + std::to_string(app.quantity));
    case 1:
      app.memory = static_cast<std::uint64_t>(random_.between(1, 4));
      return tell(app.name + " declares " + std::to_string(app.memory));
    case 2:
      app.target = std::max(app.target, app.serving) + 1;
      app.pending = true;
      return tell(app.name + " is deployed");
    default:
      app.labels.clear();
      if (random_.chance(0.5)) app.labels = {{"zone", random_.chance(0.5) ? "a" : "b"}};
      return tell(app.name + " moves to " + labels_text(app.labels));
  }
}

void PlacementWorld::server() {
  look_at_room();
  for (std::size_t app = 0; app < apps_.size(); ++app) plan_app(app);
}

void PlacementWorld::look_at_room() {
  const std::vector<Node> all = nodes(apps_.size(), {});
  for (std::size_t node = 0; node < all.size(); ++node)
    if (all[node].is_overfull()) short_until_[node] = now_ + 60s;
  for (std::size_t index = 0; index < apps_.size(); ++index) {
    App& app = apps_[index];
    app.gives_way = false;
    bool fewer = false;
    for (std::size_t node = 0; node < all.size(); ++node) {
      // Where it may be, or still is.
      const bool there = std::ranges::includes(all[node].labels, app.labels) ||
                         std::ranges::any_of(containers_, [&](const auto& entry) {
                           return entry.second.app == index && entry.second.node == node;
                         });
      const bool previews =
          all[node].taken[static_cast<std::size_t>(Rank::preview)] != Resources{};
      app.gives_way |= app.preview && there && now_ < short_until_[node];
      fewer |= there && all[node].is_overfull() && !previews;
    }
    // decide() does this, one a second.
    if (!app.preview && fewer && app.quantity > app.least) --app.quantity;
  }
}

void PlacementWorld::plan_app(std::size_t index) {
  App& app = apps_[index];
  const auto release = [&](int version) {
    DesiredRelease result{.version = version, .content = std::to_string(version), .processes = {}};
    result.processes["web"] = {.quantity = app.quantity,
                               .shape = shape_of(app),
                               .volumes = app.exclusive ? app.name : "",
                               .exclusive = app.exclusive};
    return result;
  };
  Desired desired{};
  desired.target = release(app.target);
  desired.target_pending = app.pending;
  if (app.pending && app.serving != 0) desired.serving = release(app.serving);
  desired.preempted = app.gives_way;
  std::vector<Observed> observed;
  for (const auto& [id, container] : containers_)
    if (container.app == index && !container.forgotten) observed.push_back(container.seen);
  for (const auto& [id, tried] : unplaced_)
    if (tried.first == index) observed.push_back(tried.second);
  const Plan next = plan(desired, observed, app.memory_of_plan, policy, now_);
  app.memory_of_plan = next.memory;
  for (const Action& action : next.actions) act(index, action);
}

void PlacementWorld::act(std::size_t index, const Action& action) {
  App& app = apps_[index];
  if (const auto* begin = std::get_if<StartReplica>(&action)) {
    start(index, begin->slot);
  } else if (const auto* drain = std::get_if<DrainReplica>(&action)) {
    containers_.at(drain->id).seen.draining = true;
  } else if (const auto* stop = std::get_if<StopReplica>(&action)) {
    containers_.at(stop->id).seen.stopping = true;
  } else if (const auto* gone = std::get_if<ForgetReplica>(&action)) {
    unplaced_.erase(gone->id);
    if (const auto found = containers_.find(gone->id); found != containers_.end())
      found->second.forgotten = true;
  } else if (const auto* outcome = std::get_if<SettleRelease>(&action)) {
    app.pending = false;
    (outcome->succeeded ? app.serving : app.target) =
        outcome->succeeded ? app.target : std::max(app.serving, 1);
    tell(app.name + " v" + std::to_string(outcome->version) +
         (outcome->succeeded ? " succeeded" : " failed: " + outcome->failure));
  }
}

void PlacementWorld::start(std::size_t index, const Slot& slot) {
  App& app = apps_[index];
  const ReplicaId id("r" + std::to_string(++next_id_));
  Observed seen{.id = id,
                .slot = slot,
                .content = std::to_string(slot.release),
                .shape = shape_of(app),
                .volumes = app.exclusive ? app.name : "",
                .started_at = now_};
  const auto placed = place(request(index, slot.index), nodes(index, slot_name(slot)));
  if (placed.has_error()) {
    seen.state = ReplicaState::exited;
    seen.exited_at = now_;
    seen.message = placed.error().message;
    tell(app.name + " " + slot_name(slot) + ": " + seen.message);
    unplaced_[id] = {index, seen};
    return;
  }
  if (app.exclusive && app.volume_node.empty()) app.volume_node = nodes_[placed->node].name;
  const Container& started =
      containers_[id] = {.seen = seen,
                         .app = index,
                         .node = placed->node,
                         .memory = app.memory,
                         .ready_due = now_ + random_.between(1s, 4s)};
  tell(app.name + " " + slot_name(slot) + " is " + id.value + " on " + nodes_[placed->node].name +
       (placed->yields ? ", where others give way" : ""));
  check_start(app, started);
}

PlaceRequest PlacementWorld::request(std::size_t index, int replica) const {
  const App& app = apps_[index];
  return {.labels = app.volume_node.empty() ? app.labels : Labels{},
          .needs = {.memory_bytes = app.memory},
          .rank = rank_of(index, replica),
          .only = plant_bug_ ? "" : app.volume_node};
}

Rank PlacementWorld::rank_of(std::size_t app, int index) const {
  if (apps_[app].preview) return Rank::preview;
  return index > apps_[app].least ? Rank::added : Rank::ordinary;
}

std::string PlacementWorld::shape_of(const App& app) const {
  return std::to_string(app.memory) + " " + labels_text(app.labels);
}

std::vector<Node> PlacementWorld::nodes(std::size_t placed, const std::string& slot) const {
  std::vector<Node> result = nodes_;
  for (std::size_t node = 0; node < result.size(); ++node)
    result[node].up = is_heard(node) || now_ - machines_[node].silent_since < given_up_after;
  std::map<std::tuple<std::size_t, std::size_t, std::string>, std::uint64_t> counted;
  for (const auto& [id, container] : containers_) {
    if (container.seen.state == ReplicaState::exited) continue;
    Node& node = result[container.node];
    const std::string name = slot_name(container.seen.slot);
    if (container.app == placed) ++node.same;
    if (container.app == placed && name == slot) continue;
    auto& before = counted[{container.node, container.app, name}];
    const std::uint64_t larger = std::max(before, container.memory);
    node.taken[static_cast<std::size_t>(rank_of(container.app, container.seen.slot.index))]
        .memory_bytes += larger - before;
    before = larger;
  }
  return result;
}

/// Counted anew, in another way: of each name on the node, the largest.
std::uint64_t PlacementWorld::declared(std::size_t node, Rank least) const {
  std::uint64_t sum = 0;
  for (std::size_t app = 0; app < apps_.size(); ++app)
    for (int index = 1; index <= 5; ++index) {
      std::uint64_t largest = 0;
      for (const auto& [id, container] : containers_)
        if (container.app == app && container.node == node &&
            container.seen.slot.index == index && container.seen.state != ReplicaState::exited)
          largest = std::max(largest, container.memory);
      if (rank_of(app, index) >= least) sum += largest;
    }
  return sum;
}

void PlacementWorld::check_start(const App& app, const Container& started) const {
  const Node& node = nodes_[started.node];
  demand(app.exclusive || std::ranges::includes(node.labels, app.labels),
         "a replica is where its labels are: " + started.seen.id.value);
  demand(is_heard(started.node) || now_ - machines_[started.node].silent_since < given_up_after,
         "nothing is placed on a node that is given up: " + started.seen.id.value);
  // Of a rollout to a smaller size both count until the larger one is gone.
  std::uint64_t before = 0;
  for (const auto& [id, other] : containers_)
    if (other.app == started.app && other.node == started.node &&
        other.seen.slot.index == started.seen.slot.index && id != started.seen.id &&
        other.seen.state != ReplicaState::exited)
      before = std::max(before, other.memory);
  const std::uint64_t grace = before > started.memory ? before - started.memory : 0;
  demand(declared(started.node, rank_of(started.app, started.seen.slot.index)) <=
             node.capacity.memory_bytes + grace,
         "no more is declared on " + node.name + " than it takes, but by what gives way");
}

void PlacementWorld::check_volumes() const {
  std::set<std::size_t> held;
  for (const auto& [id, container] : containers_)
    if (container.alive && apps_[container.app].exclusive)
      demand(held.insert(container.app).second,
             "never two live containers with one exclusive volume: " + id.value);
}

bool PlacementWorld::has_room(std::size_t app, int slot) const {
  return place(request(app, slot), nodes(app, "web." + std::to_string(slot))).has_value();
}

void PlacementWorld::check_calm() const {
  const std::vector<Node> all = nodes(apps_.size(), {});
  for (const Node& node : all)
    demand(!node.is_overfull() || node.taken_from(Rank::preview) == node.taken_from(Rank::ordinary),
           "in calm nobody is where more is declared than there is, who gives way: " + node.name);
  for (std::size_t index = 0; index < apps_.size(); ++index) {
    const App& app = apps_[index];
    demand(!app.pending, "in calm no release is pending: " + app.name);
    std::map<int, int> running;
    for (const auto& [id, container] : containers_) {
      if (container.app != index) continue;
      demand(container.seen.state == ReplicaState::ready && container.alive,
             "in calm what is there is ready: " + id.value);
      const int slot = container.seen.slot.index;
      demand(container.seen.shape == shape_of(app) || !has_room(index, slot),
             "in calm it is of the shape that is wanted, if there is room for that: " + id.value);
      ++running[slot];
    }
    for (const auto& [slot, count] : running)
      demand(count == 1 && slot <= app.quantity, "in calm nobody runs twice, or unwanted: " +
                                                     app.name + " web." + std::to_string(slot));
    for (int slot = 1; slot <= app.quantity; ++slot) {
      if (running.contains(slot) || app.gives_way) continue;
      demand(!has_room(index, slot), "in calm what is wanted runs, where there is room for it: " +
                                         app.name + " web." + std::to_string(slot));
    }
  }
}

void PlacementWorld::demand(bool kept, const std::string& promise) const {
  if (!kept)
    throw PlacementBroken("at " + std::to_string(now_.time_since_epoch() / 1s % 3600) +
                          " s: " + promise);
}

void PlacementWorld::tell(const std::string& what) {
  story_.push_back(std::to_string(now_.time_since_epoch() / 1s % 3600) + " s: " + what);
}

}  // namespace berth::sim
