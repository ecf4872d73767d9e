// SPDX-License-Identifier: Apache-2.0
//
// What runs replicas. Everything above is unaware of what is below: `local` (this machine)
// or `kubernetes`. The engine decides nothing: the scheduler says start and stop, the engine does
// it and reports what it sees. Whatever runs outlives this process; list() finds it again.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/egress.hpp"

namespace berth::runtime {

using ReplicaId = Id<struct ReplicaTag>;

struct Limits {
  std::uint64_t memory_bytes = 512ULL << 20;
  /// Above it memory is taken back and allocation slowed, where the controller can (v2); 0: none.
  std::uint64_t memory_high_bytes = 0;
  std::uint64_t cpu_milli = 1000;   ///< quota; 1000 is one core; 0 is none
  std::uint64_t cpu_weight = 100;   ///< 1…10000, of processors and disk, against other replicas
  std::uint64_t pids = 512;
  std::uint64_t disk_bytes = 2ULL << 30;  ///< of the writable layer
  std::uint64_t disk_rate = 0;     ///< bytes a second, read and written each; 0: no limit
  std::uint64_t network_rate = 0;  ///< bytes a second, in and out each; 0: no limit
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// A directory that outlives replicas, as one of them has it.
struct ReplicaVolume {
  std::string id;       ///< [a-z0-9-]{1,40}, of the app's
  std::string name;     ///< for messages
  std::string target;   ///< path in the container
  bool shared = false;  ///< otherwise one container at a time may have it
  friend bool operator==(const ReplicaVolume&, const ReplicaVolume&) = default;
};

/// Whose volume it is.
struct VolumePlace {
  std::string app_id;
  std::string id;
};

/// For comparison: the same text, the same volumes at the same places.
[[nodiscard]] inline std::string volumes_text(const std::vector<ReplicaVolume>& volumes) {
  std::string text;
  for (const ReplicaVolume& volume : volumes)
    text += volume.id + ":" + volume.target + (volume.shared ? ":shared " : " ");
  return text;
}

/// Everything needed to start one replica; also what list() gives back after a restart.
struct ReplicaSpec {
  ReplicaId id;              ///< [a-z0-9-]{1,40}, never used again
  std::string app_id;        ///< the app's stable id; isolates by it
  std::string app;           ///< its name, for messages and logs
  std::string process_type;  ///< "web", "worker", "run", "release"
  std::string name;          ///< "web.1"; unique per app among live replicas of one release
  int release = 0;
  std::vector<std::filesystem::path> root_layers;  ///< overlay lower directories, top first
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  ///< the whole environment, without PORT
  std::string working_directory = "/app";
  std::uint32_t uid = 1000;
  std::uint32_t gid = 1000;
  std::uint32_t uid_base = 0;  ///< first host uid of the app's range of 65,536
  std::string size;            ///< the name of its limits, for whoever compares
  std::string pool;            ///< that it is placed in, and
  std::string placement;       ///< what its app said of that, for whoever compares
  /// Who makes its container: "native", "crun", "runc" or "runsc"; empty: what the engine is
  /// configured to use. One that is not installed, or cannot run here, fails the start.
  std::string oci;
  Limits limits;
  std::vector<ReplicaVolume> volumes;  ///< made before
  int port = 0;        ///< $PORT for a process that serves; 0: no port, no readiness by port
  std::chrono::milliseconds boot_timeout = std::chrono::seconds(60);
  std::filesystem::path
      log_directory;      ///< the app's log directory; the shim appends to current.log
  bool terminal = false;  ///< a pseudo-terminal instead of pipes, and attach()
  bool attach_stdin = false;  ///< attach() without a terminal
  int columns = 80;
  int rows = 24;
};

/// 12 of "web.12".
[[nodiscard]] inline int index_in(const std::string& name) {
  return std::atoi(name.c_str() + name.rfind('.') + 1);
}

enum class ReplicaState { starting, ready, exited };

enum class ExitReason {
  none,
  exited,          ///< by itself, or by our signal
  out_of_memory,   ///< the memory limit killed it
  disk_limit,      ///< its writable layer grew over the limit
  boot_timeout,    ///< nothing listened on $PORT in time
  loopback_only,   ///< it listened on 127.0.0.1 (or ::1) only
  lost,            ///< the shim is gone without a word
  start_failed,    ///< the container could not be made; see message
};

struct Endpoint {
  std::string address;  ///< IPv4 or IPv6, numeric
  int port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct ReplicaStatus {
  ReplicaSpec spec;
  ReplicaState state = ReplicaState::starting;
  Endpoint endpoint;     ///< valid when ready; without a port if spec.port is 0
  Time started_at{};
  Time ready_at{};
  bool stopping = false;  ///< stop() was called
  Time frozen_at{};       ///< freeze() was called; epoch: it was not, or thaw() was since
  /// When exited:
  ExitReason reason = ExitReason::none;
  int exit_code = 0;
  int exit_signal = 0;
  std::string message;    ///< for people: "listens on 127.0.0.1:8080 only; …"
  Time exited_at{};
};

/// It ended by itself, with status 0.
[[nodiscard]] inline bool succeeded(const ReplicaStatus& status) {
  return status.state == ReplicaState::exited && status.reason == ExitReason::exited &&
         status.exit_code == 0 && status.exit_signal == 0;
}

/// Something changed: the whole new status, so that a missed event costs nothing.
using EngineListener = std::function<void(const ReplicaStatus&)>;

/// A further program in a running replica, with its environment, user and directory.
struct ExecSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env = {};  ///< beside, or in place of, the replica's own
  bool terminal = false;
  int columns = 80;
  int rows = 24;
};

struct ReplicaStats {
  std::uint64_t memory_bytes = 0;
  std::uint64_t anonymous_bytes = 0;  ///< of it, what cannot be taken back
  std::chrono::microseconds cpu{};  ///< since start
  std::uint64_t pids = 0;
};

/// All methods are thread-safe; those marked blocking may take tens of milliseconds.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Before any other call: finds what an earlier process left running (each is reported once to
  /// the listener) and sweeps the remains of what no longer runs. The listener is called from an
  /// engine thread, never under a lock.
  virtual Result<void> open(EngineListener listener) = 0;

  /// Where replicas of the app with this first uid may connect to outside, those that run and those
  /// to come; also before open(). Without a word of it: everywhere. Takes a millisecond at most.
  virtual Result<void> set_egress(std::uint32_t uid_base, const platform::EgressPolicy& policy) = 0;

  /// Blocking. Starts the container; readiness follows as an event: `ready` once the process
  /// accepts connections on $PORT (or on another port, found in its network namespace:
  /// endpoint.port tells), at once if spec.port is 0; `exited` with a reason if it never does.
  virtual Result<void> start(const ReplicaSpec& spec) = 0;

  /// SIGTERM now, SIGKILL after the grace (by the shim: it happens even if we die). `exited`
  /// follows. Unknown or exited: success.
  virtual Result<void> stop(const ReplicaId& id, std::chrono::milliseconds grace) = 0;

  /// It stands still, keeps its memory, and answers nobody, until it is thawed or stopped. Both are
  /// carried out at once, in a millisecond at most, and are no error where they change nothing. A
  /// later process finds a frozen replica so.
  virtual Result<void> freeze(const ReplicaId& id) = 0;
  virtual Result<void> thaw(const ReplicaId& id) = 0;

  /// Forgets an exited replica and removes its files.
  virtual void remove(const ReplicaId& id) = 0;

  [[nodiscard]] virtual std::vector<ReplicaStatus> list() const = 0;

  /// A stream socket to a replica with `terminal` or `attach_stdin`, framed as in attach_frame.hpp.
  virtual Result<Fd> attach(const ReplicaId& id) = 0;

  /// Blocking. Starts a program in a replica that runs; the socket is framed as in attach_frame.hpp
  /// and ends with the program, which is killed when the socket ends.
  virtual Result<Fd> exec(const ReplicaId& id, const ExecSpec& spec) = 0;

  // Volumes: blocking, and one call for a volume at a time. One that a container has may be grown
  // and snapshot meanwhile; its programs wait for as long as the snapshot takes to write.

  /// An empty one of this size, at most.
  virtual Result<void> make_volume(const VolumePlace& place, std::uint64_t size_bytes) = 0;
  virtual Result<void> grow_volume(const VolumePlace& place, std::uint64_t size_bytes) = 0;
  /// Numbers are 1 and up.
  virtual Result<void> snapshot_volume(const VolumePlace& place, std::int64_t snapshot) = 0;
  /// While no container has it: what it holds becomes the snapshot `kept`, and its content that of
  /// `from`, with room for `size_bytes`. The same call after a crash at any moment finishes it.
  virtual Result<void> restore_volume(const VolumePlace& place, std::int64_t from,
                                      std::int64_t kept, std::uint64_t size_bytes) = 0;
  /// The files of one snapshot, or with 0 of the volume and all its snapshots. A container that
  /// still has it keeps what it sees until it ends.
  virtual Result<void> remove_volume_files(const VolumePlace& place, std::int64_t snapshot) = 0;
  /// What the volume, or one of its snapshots, takes on the disk; 0 if it is not there.
  [[nodiscard]] virtual std::uint64_t volume_bytes(const VolumePlace& place,
                                                   std::int64_t snapshot) const = 0;

  /// Blocking.
  virtual Result<ReplicaStats> stats(const ReplicaId& id) = 0;
};

}  // namespace berth::runtime
