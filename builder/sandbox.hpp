// SPDX-License-Identifier: Apache-2.0
//
// What a build needs from the machine: one isolated place, opened once, in which several programs
// run one after the other as an unprivileged user. The builder owns this port; the local engine's
// containers stand behind it in production (server/local_sandbox), a fake in tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.hpp"
#include "base/result.hpp"

namespace berth::builder {

/// Receives a program's stdout and stderr, in order, as it comes. Called on one thread at a time.
using OutputSink = std::function<void(std::string_view)>;

struct SandboxLimits {
  std::uint64_t memory_bytes = 2ULL << 30;
  std::uint64_t cpu_milli = 2000;  ///< quota; 1000 is one core
  std::uint64_t cpu_weight = 10;   ///< of processors and disk, against replicas, which have 100
  std::uint64_t pids = 4096;
  std::uint64_t disk_bytes = 8ULL << 30;  ///< what the build may write in all its mounts together
};

/// Files on disk are owned by 0…65535; inside they look the same, outside the process has a host
/// uid range of its own (idmapped mounts). The root is scratch: writable, thrown away, and mount
/// points that are missing in it are made. Overlays are mounted with redirect_dir=off and
/// metacopy=off: the upper directory alone must tell what changed.
struct SandboxSpec {
  std::string name;                                ///< unique; [a-z0-9-]{1,40}
  std::vector<std::filesystem::path> root_layers;  ///< overlay lower directories, top first
  /// With these two the root's changes are kept: an existing empty directory that becomes the
  /// overlay's upper one, and its work directory. Nothing of the sandbox itself stays in it once
  /// the sandbox is destroyed, and a read-only bind of a file is a copy that programs may replace.
  /// Targets of binds and overlays then lead through no symbolic link of the image.
  std::filesystem::path root_upper = {};
  std::filesystem::path root_work = {};
  struct Bind {
    std::filesystem::path source;  ///< directory or file
    std::string target;            ///< absolute, inside
    bool writable = false;
  };
  std::vector<Bind> binds;
  struct Overlay {
    std::string target;
    std::vector<std::filesystem::path> lowers;  ///< top first; may be empty
    std::filesystem::path upper;                ///< existing empty directory: receives what changes
    std::filesystem::path work;                 ///< empty directory on the same file system
  };
  std::vector<Overlay> overlays;
  bool network = true;  ///< the outside, never other replicas, the host or its services
  SandboxLimits limits;
};

struct SandboxCommand {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  ///< the whole environment
  std::string working_directory = "/";
  std::uint32_t uid = 1000;
  std::uint32_t gid = 1000;
  std::chrono::seconds timeout = std::chrono::minutes(15);
};

struct SandboxExit {
  ExitStatus status;
  bool timed_out = false;
  bool out_of_memory = false;  ///< the memory limit killed a process
  bool out_of_disk = false;    ///< the disk limit ended it
  bool out_of_pids = false;    ///< the pids limit refused a fork
  bool cancelled = false;
};

/// Destroying it kills what still runs inside and removes all of its kernel resources.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  /// Runs one program to its end; blocking. Thread-safe: several may run side by side.
  virtual Result<SandboxExit> run(const SandboxCommand& command, const OutputSink& sink) = 0;
  /// From any thread: what runs is killed, what starts later is refused.
  virtual void cancel() = 0;
};

class SandboxFactory {
 public:
  virtual ~SandboxFactory() = default;
  virtual Result<std::unique_ptr<Sandbox>> open(const SandboxSpec& spec) = 0;
};

}  // namespace berth::builder
