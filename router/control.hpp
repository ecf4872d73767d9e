// SPDX-License-Identifier: Apache-2.0
//
// The router's side of the control protocol (docs/decisions/0002), on a thread of its own: reads
// changes, publishes snapshots and waits until every worker serves by them, keeps the table file,
// sends samples, answers /metrics. No request waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/admin.hpp"
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
  };
  /// Listens, and reads the table file.
  [[nodiscard]] static Result<std::unique_ptr<Control>> open(Settings settings);
  ~Control();

  /// Starts the thread. The workers run already or will; they outlive it.
  void start(std::vector<Worker*> workers);
  /// Ends the thread; the table file is written.
  void stop();
  [[nodiscard]] std::uint16_t admin_port() const { return admin_ ? admin_->port() : 0; }
  /// Waits until all workers that drain are empty; false when the time is over.
  [[nodiscard]] bool wait_until_empty(std::chrono::milliseconds timeout);

  void adopted(const Snapshot& snapshot) override;
  void drained(const std::string& replica_id) override;
  void wake_wanted() override;
  void emptied() override;

 private:
  explicit Control(Settings settings)
      : settings_(std::move(settings)), builder_(settings_.threads) {}
  void run();
  [[nodiscard]] std::int64_t next_due_us(std::int64_t now_us) const;
  void save_table();
  void rotate_tickets(std::int64_t now_us);
  void notify() const;
  void read_inbox();
  void publish_if_possible();
  void note_replicas(const Snapshot& before, const Snapshot& next);
  void send_drained();
  void accept_connection();
  void read_connection();
  [[nodiscard]] bool handle_line(std::string_view line);
  void close_connection();
  void send(const json::object& message);
  void flush();
  void send_wakes(std::int64_t now_us);
  void sample(std::int64_t now_us);
  [[nodiscard]] std::string metrics() const;

  Settings settings_;
  Fd listener_;
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
  /// Removed replicas, with the number of threads on which no request is left.
  std::map<std::string, std::size_t> draining_;
  Sampler sampler_;
  std::map<std::string, std::int64_t> woken_at_us_;
  std::int64_t sample_due_us_ = 0;
  std::int64_t save_due_us_ = INT64_MAX;
  std::int64_t tickets_due_us_ = INT64_MAX;

  mutable std::mutex mutex_;  ///< guards what workers tell, below
  std::condition_variable emptied_;
  std::size_t empty_workers_ = 0;
  std::size_t acknowledged_ = 0;
  std::vector<std::string> drained_reports_;
};

}  // namespace berth::router
