// SPDX-License-Identifier: Apache-2.0
//
// Control groups on v1, hybrid and v2 behind one face: every container has a directory
// `<name>/<id>` in each hierarchy, with its limits set before the first process joins. Our own
// group, and any other, is left alone. Where the root of a hierarchy is not ours to use (in a
// container), the directories lie below the group that we are in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/engine/local/thrash.hpp"

namespace berth::runtime {

struct CgroupHierarchy {
  std::filesystem::path mount;
  std::vector<std::string> controllers;  ///< empty on v2: its files tell
  bool v2 = false;
  friend bool operator==(const CgroupHierarchy&, const CgroupHierarchy&) = default;
};

/// From the text of /proc/self/mountinfo. With v1 memory, cpu and pids mounted these count, and a
/// cgroup2 mount beside them does not (hybrid); otherwise the cgroup2 mount alone.
[[nodiscard]] Result<std::vector<CgroupHierarchy>> parse_cgroup_mounts(std::string_view mountinfo);
/// The cgroup2 mount of a hybrid layout, or empty.
[[nodiscard]] std::filesystem::path hybrid_unified_mount(std::string_view mountinfo);
/// Our path in the hierarchy with `controller` ("" for v2), from the text of /proc/self/cgroup.
[[nodiscard]] std::string own_cgroup(std::string_view text, std::string_view controller);

/// "254:0", the whole disk below a path; empty if it is on none that control groups know.
[[nodiscard]] std::string disk_of(const std::filesystem::path& path);

struct CgroupEvents {
  std::uint64_t oom_kills = 0;
  std::uint64_t pids_refused = 0;
};

/// One container's group.
struct Cgroup {
  std::vector<std::filesystem::path> directories;  ///< one a hierarchy
  std::filesystem::path memory;
  std::filesystem::path cpu;   ///< accounting
  std::filesystem::path pids;

  [[nodiscard]] std::filesystem::path oom_events(bool v2) const {
    return memory / (v2 ? "memory.events" : "memory.oom_control");
  }
};

class Cgroups final {
 public:
  /// What containers together get of a busy machine: `serving` ones what they need, even against
  /// many processes outside; those in the `background` a tenth of what these get.
  enum class Share { serving, background };

  /// Finds the hierarchies and makes `name` in each. Idempotent.
  [[nodiscard]] static Result<Cgroups> open(const std::string& name, Share share = Share::serving);

  /// `disk`: what disk_of() says of where the container's files lie.
  [[nodiscard]] Result<Cgroup> create(const std::string& id, const Limits& limits,
                                      const std::string& disk = {}) const;
  [[nodiscard]] Cgroup of(const std::string& id) const;
  /// Its path below the mount point, which runtimes take one of for all hierarchies; empty if it is
  /// not the same in all.
  [[nodiscard]] std::string path(const std::string& id) const;
  [[nodiscard]] std::vector<std::string> list() const;
  /// Kills what runs in it and removes it; success if it is not there.
  [[nodiscard]] Result<void> destroy(const std::string& id) const;
  /// Removes the common directory too; for tests.
  [[nodiscard]] Result<void> destroy_all() const;

  /// Everything in it stands still, or goes on.
  [[nodiscard]] Result<void> freeze(const std::string& id) const;
  [[nodiscard]] Result<void> thaw(const std::string& id) const;

  [[nodiscard]] Result<ReplicaStats> stats(const std::string& id) const;
  [[nodiscard]] CgroupEvents events(const std::string& id) const;
  [[nodiscard]] MemorySample memory(const std::string& id) const;

  [[nodiscard]] bool v2() const { return v2_; }
  [[nodiscard]] const std::filesystem::path& unified() const { return unified_; }

 private:
  Cgroups() = default;
  [[nodiscard]] std::filesystem::path with_controller(std::string_view name) const;
  struct Base {
    std::filesystem::path directory;  ///< `…/<name>`
    std::filesystem::path mount;      ///< of its hierarchy
    std::vector<std::string> controllers;
  };
  std::vector<Base> bases_;
  bool v2_ = false;
  std::filesystem::path unified_;
};

}  // namespace berth::runtime
