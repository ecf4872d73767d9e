// SPDX-License-Identifier: Apache-2.0
//
// Starting one container, replica or sandbox: its files, address, cgroup and shim. Everything that
// the containers of one machine share is a ContainerHost.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/cgroup.hpp"
#include "runtime/engine/local/disk_watch.hpp"
#include "runtime/engine/local/maker.hpp"
#include "runtime/engine/local/network.hpp"
#include "runtime/engine/local/options.hpp"
#include "runtime/engine/local/shim_link.hpp"

namespace berth::runtime {

struct ContainerHost {
  LocalOptions options;
  std::uint64_t open_files = 1024;
  std::string disk;  ///< as control groups name it; empty: its throughput cannot be limited
  Cgroups cgroups;
  /// Of sandboxes, apart: what one computes below the group of the replicas counts against these,
  /// who would wait for their turn when they wake up.
  Cgroups sandbox_cgroups;
  std::unique_ptr<Network> network;
  std::string seccomp_filter;
  Fd seccomp_file;  ///< the same, for shims
  DiskWatch disk_watch;

  /// `members` run already.
  [[nodiscard]] static Result<std::unique_ptr<ContainerHost>> open(
      const LocalOptions& options, const std::vector<NetworkMember>& members,
      const EgressPolicies& egress);
  ContainerHost(LocalOptions given, Cgroups groups, Cgroups sandbox_groups)
      : options(std::move(given)),
        cgroups(std::move(groups)),
        sandbox_cgroups(std::move(sandbox_groups)) {}
};

struct ContainerSpec {
  std::string id;
  std::filesystem::path directory;  ///< its own, existing and empty
  std::string hostname;
  std::vector<std::filesystem::path> root_layers;  ///< top first
  /// Receives what changes in the root, with its work directory; empty: it is thrown away.
  std::filesystem::path kept_upper;
  std::filesystem::path kept_work;
  struct Bind {
    std::filesystem::path source;
    std::string target;
    bool writable = false;
  };
  std::vector<Bind> binds;
  struct Volume {
    std::string device;  ///< held open by the caller until the container is started
    std::string target;
  };
  std::vector<Volume> volumes;
  struct Overlay {
    std::string target;
    std::vector<std::filesystem::path> lowers;
    std::filesystem::path upper;
    std::filesystem::path work;
  };
  std::vector<Overlay> overlays;
  std::uint32_t uid_base = 0;
  std::uint32_t agent_uid = 0;
  std::uint32_t agent_gid = 0;
  std::vector<std::string> capabilities;
  bool network = true;
  bool tmp_in_memory = true;
  int oom_score_adjust = 0;
  bool sandbox = false;  ///< its cgroup is among those of sandboxes
  ChosenMaker maker;
  Limits limits;
  std::filesystem::path log_file;
  std::string log_source;
  bool attach_stdin = false;
  std::optional<AgentRun> program;  ///< without: the result has a connection to the agent
  std::string note;                 ///< kept by the shim for the engine's next life; may be secret
};

struct StartedContainer {
  std::unique_ptr<ShimLink> shim;
  Fd agent;  ///< a connection to the agent, if no program was given
  int pid = 0;
  Time started_at{};
};

/// The writable layer of a container's root.
[[nodiscard]] inline std::filesystem::path upper_directory(const std::filesystem::path& container) {
  return container / "upper";
}

/// Blocks until the program runs (or the agent listens). On an error nothing is left but files.
[[nodiscard]] Result<StartedContainer> start_container(ContainerHost& host,
                                                       const ContainerSpec& spec,
                                                       const NetworkMember& member);

}  // namespace berth::runtime
