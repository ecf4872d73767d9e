// SPDX-License-Identifier: Apache-2.0
//
// The router's side of the control protocol (docs/decisions/0002), on a thread of its own: reads
// changes, publishes snapshots and waits until every worker serves by them, keeps the table file,
// sends samples, answers /metrics. No request waits for it.
//
// When another router asks for it (handover.hpp), this one gives what it listens on, and from then
// on has that router for its control plane; see Predecessor for the other side.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/admin.hpp"
#include "router/handover.hpp"
#include "router/samples.hpp"
#include "router/snapshot.hpp"
#include "router/table_file.hpp"
#include "router/worker.hpp"

namespace berth::router {

class Control final : public WorkerObserver {
 public:
  struct Settings {
    std::filesystem::path socket;
    std::filesystem::path table_file;
    std::string admin_listen;
    std::size_t threads = 1;
    /// That one which is replaced may live on for what is connected to it.
    std::chrono::milliseconds retire_timeout = std::chrono::hours(1);
    /// Another router has taken over, and the last connection here has ended, or the time is up, or
    /// that router has ended.
    std::function<void()> on_retired;
  };
  /// Listens, and reads the table file; or takes both from the router before this one.
  [[nodiscard]] static Result<std::unique_ptr<Control>> open(Settings settings,
                                                             Handover* before = nullptr);
  ~Control();

  /// What the workers listen on, for a router that asks; copies of their own. Before start().
  void offer(std::vector<HandedListener> listeners) { offered_ = std::move(listeners); }
  /// The router before has been told that we took over: the control socket is ours, and its name
  /// goes when we stop. Until then it is that router's.
  void take_charge();
  /// Nobody may ask any more: the workers' listeners are to be closed.
  void withdraw();

  /// Starts the thread. The workers run already or will; they outlive it.
  void start(std::vector<Worker*> workers);
  /// Ends the thread; the table file is written.
  void stop();
  [[nodiscard]] std::uint16_t admin_port() const { return admin_ ? admin_->port() : 0; }
  /// Waits until all workers that drain are empty; false when the time is over.
  [[nodiscard]] bool wait_until_empty(std::chrono::milliseconds timeout);

  void adopted(const Snapshot& snapshot) override;
  void drained(const std::string& replica_id) override;
  void wake_wanted(AppRuntime& app) override;
  void emptied() override;

 private:
  explicit Control(Settings settings)
      : settings_(std::move(settings)), builder_(settings_.threads) {}
  void run();
  [[nodiscard]] static std::int64_t monotonic_us();
  [[nodiscard]] std::int64_t next_due_us(std::int64_t now_us) const;
  void save_table();
  void rotate_tickets(std::int64_t now_us);
  void notify() const;
  void read_inbox();
  void announce();
  void publish_if_possible();
  void note_replicas(const Snapshot& next);
  void send_drained();
  void accept_connection();
  void greet();
  void read_connection();
  void handle_input(std::size_t searched);
  [[nodiscard]] bool handle_line(std::string_view line);
  void close_connection();
  void send(const json::object& message);
  void flush();
  void send_wakes(std::int64_t now_us);
  [[nodiscard]] std::uint32_t held_asleep(AppRuntime& app);
  void sample(std::int64_t now_us);
  [[nodiscard]] std::string metrics() const;
  // control_handover.cpp:
  [[nodiscard]] Result<void> succeed(Handover& before);
  void take_charge_now();
  void give_place();
  void read_asking();
  void retire(std::string_view rest);
  void end_if_retired();
  void forward(std::string_view line);
  void read_predecessor();
  void hear_predecessor(std::string_view line);
  void lose_predecessor();
  void flush_predecessor();

  /// The router before this one, which still has requests: it is told what we are told, and what
  /// it says goes on to the control plane. A replica is drained when it is on both sides.
  struct Predecessor {
    Fd connection;
    std::int64_t pid = 0;
    std::string input;
    std::string output;
    std::uint64_t applied = 0;      ///< version that it serves by
    std::set<std::string> drained;  ///< replicas, of those that we have not drained yet
  };

  Settings settings_;
  Fd listener_;
  Fd handover_listener_;
  Fd asking_;  ///< a router that was given everything and has not taken over yet
  std::unique_ptr<Predecessor> predecessor_;
  std::atomic<bool> charge_asked_{false};
  bool in_charge_ = false;  ///< of the control socket
  bool retired_ = false;
  std::int64_t retire_due_us_ = INT64_MAX;
  Fd event_;
  Fd connection_;
  std::string input_;
  std::string output_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<TableFile> file_;
  std::thread thread_;
  std::atomic<bool> stop_{false};

  Table table_;
  Changes changes_;  ///< noted since the last snapshot was made
  SnapshotBuilder builder_;
  std::unique_ptr<const Snapshot> current_;    ///< that every worker serves by
  std::unique_ptr<const Snapshot> publishing_; ///< that some do not yet
  std::vector<Worker*> workers_;
  std::uint64_t announced_ = 0;  ///< version that the control plane was told of
  /// Removed replicas, with the number of threads on which no request is left.
  std::map<std::string, std::size_t> draining_;
  Sampler sampler_;
  /// Apps that requests wait for, and when that was said last (0: not yet).
  std::map<AppRuntime*, std::int64_t> waking_;
  std::int64_t sample_due_us_ = 0;
  std::int64_t save_due_us_ = INT64_MAX;
  std::int64_t tickets_due_us_ = INT64_MAX;

  mutable std::mutex mutex_;  ///< guards what workers tell, below
  std::condition_variable emptied_;
  std::size_t empty_workers_ = 0;
  std::size_t acknowledged_ = 0;
  std::vector<std::string> drained_reports_;
  std::vector<AppRuntime*> wake_reports_;
  std::vector<HandedListener> offered_;
};

}  // namespace berth::router
