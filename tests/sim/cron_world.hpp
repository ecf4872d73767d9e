// SPDX-License-Identifier: Apache-2.0
//
// Cron jobs in a world with faults, by seed: the real CronJobs over the real store, with an engine
// that is a list of what runs. The server dies between any two steps, starts fail, clocks jump,
// releases change schedules; after each step the promises are checked, and in the calm at the end
// every time that is due becomes something.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/cron_jobs.hpp"
#include "tests/sim/random.hpp"

namespace berth::sim {

struct CronBroken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class CronWorld final {
 public:
  explicit CronWorld(std::uint64_t seed, bool plant_bug = false);
  /// Throws CronBroken.
  void run();
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  struct Replica {
    std::string job;
    Time started{};  ///< by a clock that never jumps
    Duration takes{};
    bool stopping = false;
  };
  struct Crash {};

  void start_server();
  void crash();
  void step();
  void fault();
  void calm();
  void engine_step();
  void deploy();
  void check();
  void on_start(const std::string& replica, const platform::CronJob& job);
  void tell(const std::string& text);
  [[nodiscard]] server::CronPorts ports();
  [[nodiscard]] Time wall() const { return real_ + offset_; }
  [[nodiscard]] platform::CronJob random_job(const std::string& name);

  Random random_;
  const bool plant_bug_;
  platform::Store store_;
  platform::AppId app_;
  Time real_{std::chrono::seconds(1'764'000'000)};
  Duration offset_{};
  Time latest_{};  ///< that the clock was at, since it was believed
  Time down_until_{};
  std::unique_ptr<server::CronJobs> server_;
  std::map<std::string, platform::CronJob> jobs_;
  std::map<std::string, Replica> engine_;
  std::map<std::string, Replica> ended_untold_;  ///< while no server ran
  std::map<std::string, std::set<Time>> started_;  ///< scheduled times that were started, by job
  int replicas_ = 0;
  bool calm_ = false;
  std::vector<std::string> story_;
};

}  // namespace berth::sim
