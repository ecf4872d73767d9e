// SPDX-License-Identifier: Apache-2.0
//
// An isolated place for one build: a container whose agent runs programs one after the other or
// side by side. The same as the builder's port of that name, which this folder does not see; the
// server joins the two.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/container.hpp"

namespace berth::runtime {

/// Receives a program's stdout and stderr, in order, as it comes. Called on the thread of run().
using OutputSink = std::function<void(std::string_view)>;

struct SandboxLimits {
  std::uint64_t memory_bytes = 2ULL << 30;
  std::uint64_t cpu_milli = 2000;
  std::uint64_t cpu_weight = 50;
  std::uint64_t pids = 4096;
  std::uint64_t disk_bytes = 8ULL << 30;  ///< what it may write in all its mounts together
};

struct SandboxSpec {
  std::string name;                                ///< unique; [a-z0-9-]{1,40}
  std::vector<std::filesystem::path> root_layers;  ///< top first
  std::filesystem::path root_upper;                ///< ContainerSpec::kept_upper
  std::filesystem::path root_work;
  using Bind = ContainerSpec::Bind;
  std::vector<Bind> binds;
  using Overlay = ContainerSpec::Overlay;
  std::vector<Overlay> overlays;
  bool network = true;
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
  bool out_of_memory = false;
  bool out_of_disk = false;
  bool out_of_pids = false;
  bool cancelled = false;
};

/// Destroying it kills what still runs inside and removes all of its kernel resources and files but
/// the overlays' upper directories and the binds.
class LocalSandbox final {
 public:
  /// `directory` is the sandbox's own, not there yet.
  [[nodiscard]] static Result<std::unique_ptr<LocalSandbox>> open(ContainerHost& host,
                                                                  const SandboxSpec& spec,
                                                                  std::filesystem::path directory,
                                                                  std::uint32_t uid_base);
  ~LocalSandbox();

  /// Runs one program to its end; blocking, thread-safe. What it left in the background is killed.
  Result<SandboxExit> run(const SandboxCommand& command, const OutputSink& sink);
  /// From any thread: what runs is killed, what starts later is refused.
  void cancel();

 private:
  LocalSandbox(ContainerHost& host, std::string id, std::filesystem::path directory)
      : host_(host), id_(std::move(id)), directory_(std::move(directory)) {}
  struct Running;
  [[nodiscard]] Result<Fd> connect();
  [[nodiscard]] Result<void> send_program(Running& running, const SandboxCommand& command);
  [[nodiscard]] Result<SandboxExit> follow(Running& running, const SandboxCommand& command,
                                           const OutputSink& sink);
  void end_container();

  ContainerHost& host_;
  const std::string id_;
  const std::filesystem::path directory_;
  std::filesystem::path root_upper_;  ///< or empty
  NetworkMember member_;
  StartedContainer container_;
  std::mutex mutex_;  ///< guards container_.agent and container_.shim
  Fd ended_;          ///< eventfd: readable when no program may run any more
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> out_of_disk_ = false;
};

}  // namespace berth::runtime
