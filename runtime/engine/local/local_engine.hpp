// SPDX-License-Identifier: Apache-2.0
//
// The engine `local`: every replica is a container on this machine, kept by a shim that
// outlives us. start() blocks in the caller's thread; one thread of ours watches the shims, waits
// for readiness and calls the listener.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/engine/engine.hpp"
#include "runtime/engine/local/container.hpp"
#include "runtime/engine/local/listeners.hpp"
#include "runtime/engine/local/sandbox.hpp"
#include "runtime/engine/local/spec_json.hpp"
#include "runtime/engine/local/volumes.hpp"

namespace berth::runtime {

class LocalEngine final : public Engine {
 public:
  explicit LocalEngine(LocalOptions options);
  ~LocalEngine() override;  ///< replicas run on; sandboxes end

  Result<void> open(EngineListener listener) override;
  Result<void> set_egress(std::uint32_t uid_base, const platform::EgressPolicy& policy) override;
  Result<void> start(const ReplicaSpec& spec) override;
  Result<void> stop(const ReplicaId& id, std::chrono::milliseconds grace) override;
  Result<void> freeze(const ReplicaId& id) override;
  Result<void> thaw(const ReplicaId& id) override;
  void remove(const ReplicaId& id) override;
  [[nodiscard]] std::vector<ReplicaStatus> list() const override;
  Result<Fd> attach(const ReplicaId& id) override;
  Result<Fd> exec(const ReplicaId& id, const ExecSpec& spec) override;
  Result<void> make_volume(const VolumePlace& place, std::uint64_t size_bytes) override {
    return volumes_.make(place, size_bytes);
  }
  Result<void> grow_volume(const VolumePlace& place, std::uint64_t size_bytes) override {
    return volumes_.grow(place, size_bytes);
  }
  Result<void> snapshot_volume(const VolumePlace& place, std::int64_t snapshot) override {
    return volumes_.snapshot(place, snapshot);
  }
  Result<void> restore_volume(const VolumePlace& place, std::int64_t from, std::int64_t kept,
                              std::uint64_t size_bytes) override {
    return volumes_.restore(place, from, kept, size_bytes);
  }
  Result<void> remove_volume_files(const VolumePlace& place, std::int64_t snapshot) override {
    return volumes_.remove(place, snapshot);
  }
  [[nodiscard]] std::uint64_t volume_bytes(const VolumePlace& place,
                                           std::int64_t snapshot) const override {
    return volumes_.bytes(place, snapshot);
  }
  Result<ReplicaStats> stats(const ReplicaId& id) override;

  /// A place for one build. After open(); must not outlive the engine.
  Result<std::unique_ptr<LocalSandbox>> open_sandbox(const SandboxSpec& spec);

  /// Removes the bridge, the firewall tables and the cgroups; for tests and uninstalling, when
  /// nothing runs.
  Result<void> destroy_network();

 private:
  struct Replica {
    ReplicaStatus status;
    NetworkMember member;
    NetworkMember left;              ///< what it was, until it is removed
    Maker maker = Maker::native;
    std::unique_ptr<ShimLink> shim;  ///< null while start() is at work, and when exited
    Fd process;                      ///< /proc/PID of the container's first process
    Readiness readiness;
    std::vector<ListeningSocket> told;  ///< what its agent said last, if that has to be asked
    bool asked = false;
    std::chrono::steady_clock::time_point next_look{};
    std::chrono::milliseconds look_interval{5};
    bool reported = false;           ///< `ready` is due for a replica without a port
    ExitReason forced_reason = ExitReason::none;  ///< why we ended it ourselves
    std::string forced_message;
    std::optional<std::chrono::milliseconds> stop_wanted;  ///< stop() came during start()
  };
  using Replicas = std::map<ReplicaId, Replica>;

  [[nodiscard]] std::filesystem::path directory(const ReplicaId& id) const;
  [[nodiscard]] Result<void> check(const ReplicaSpec& spec) const;
  [[nodiscard]] Result<void> start_in(const std::filesystem::path& directory, Replica& replica);
  /// When the replica with this directory was frozen; epoch: it is not.
  [[nodiscard]] static Time frozen_since(const std::filesystem::path& directory);
  void adopt_all();
  [[nodiscard]] Result<Replica> adopt(const std::filesystem::path& directory);
  void sweep();
  void watch_disk(const Replica& replica);

  void run();
  [[nodiscard]] int wait_time() const;
  void read_shim(Replica& replica, std::vector<ReplicaStatus>& events);
  void on_started(Replica& replica, const ShimReport& report);
  void on_exited(Replica& replica, const ShimReport& report, std::vector<ReplicaStatus>& events);
  void look(Replica& replica, std::vector<ReplicaStatus>& events);
  void become_ready(Replica& replica, Endpoint endpoint, std::string message,
                    std::vector<ReplicaStatus>& events);
  void name(const Replica& replica);
  void force_end(Replica& replica, ExitReason reason, std::string message);
  void wake();

  const LocalOptions options_;
  Volumes volumes_;
  EngineListener listener_;
  std::unique_ptr<ContainerHost> host_;
  Fd wake_;  ///< eventfd
  std::thread thread_;
  mutable std::mutex mutex_;  ///< guards what follows
  bool closing_ = false;
  Replicas replicas_;
  std::vector<ReplicaStatus> pending_;  ///< events that did not come from the thread itself
  unsigned next_sandbox_ = 0;
  EgressPolicies egress_;  ///< what was said before open()
};

}  // namespace berth::runtime
