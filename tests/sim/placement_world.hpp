// SPDX-License-Identifier: Apache-2.0
//
// Several apps on several nodes in a simulated world, by seed: the real plan() of each app and the
// real place(), with nodes that die, or are only out of reach, and come back; replicas that die;
// users who scale, resize, deploy and move apps; a server that crashes. What a node still runs when
// it comes back, though it was given up, it ends before it says that it is there: that is what a
// volume which one container at a time may have relies on. A broken promise throws.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/scheduler/place.hpp"
#include "runtime/scheduler/plan.hpp"
#include "tests/sim/random.hpp"

namespace berth::sim {

using namespace berth::runtime;

struct PlacementBroken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class PlacementWorld final {
 public:
  /// With the planted bug a replica is started where its volume is not.
  explicit PlacementWorld(std::uint64_t seed, bool plant_bug = false);
  /// Throws PlacementBroken.
  void run();
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  struct Machine {
    bool runs = true;
    bool reached = true;
    Time silent_since{};
    Time back_at = Time::max();
  };
  struct App {
    std::string name;
    bool preview = false;
    int quantity = 1;
    int least = 1;  ///< web replicas above it are there for load
    std::uint64_t memory = 1;
    Labels labels;
    bool exclusive = false;    ///< it has a volume, on the node that its first start was on
    std::string volume_node;
    int target = 1;
    int serving = 0;
    bool pending = true;
    // The server's memory:
    SchedulerMemory memory_of_plan;
    bool gives_way = false;
  };
  /// `seen` is what the server knows; the rest is so.
  struct Container {
    Observed seen;
    std::size_t app = 0;
    std::size_t node = 0;
    std::uint64_t memory = 0;
    bool alive = true;
    Time ready_due{};
    Time exit_due = Time::max();
    bool given_up = false;  ///< its node was silent for too long
    bool forgotten = false;
  };

  void step();
  void machines();
  void containers();
  void trouble();
  void change_app();
  void come_back(std::size_t node);
  void server();
  void plan_app(std::size_t app);
  void act(std::size_t app, const Action& action);
  void start(std::size_t app, const Slot& slot);
  void look_at_room();
  void check_start(const App& app, const Container& started) const;
  void check_volumes() const;
  void check_calm() const;
  [[nodiscard]] bool has_room(std::size_t app, int slot) const;
  void demand(bool kept, const std::string& promise) const;
  [[nodiscard]] std::vector<Node> nodes(std::size_t app, const std::string& slot) const;
  [[nodiscard]] std::uint64_t declared(std::size_t node, Rank least) const;
  [[nodiscard]] Rank rank_of(std::size_t app, int index) const;
  [[nodiscard]] PlaceRequest request(std::size_t app, int index) const;
  [[nodiscard]] std::string shape_of(const App& app) const;
  [[nodiscard]] bool is_heard(std::size_t node) const;
  void tell(const std::string& what);

  Random random_;
  const bool plant_bug_;
  bool calm_ = false;
  Time now_{std::chrono::hours(1000)};
  std::vector<Node> nodes_;  ///< with nothing in them
  std::vector<Machine> machines_;
  std::vector<App> apps_;
  std::map<ReplicaId, Container> containers_;
  std::map<ReplicaId, std::pair<std::size_t, Observed>> unplaced_;  ///< tried, with the reason
  std::vector<Time> short_until_;  ///< by node
  int next_id_ = 0;
  std::vector<std::string> story_;
};

}  // namespace berth::sim
