// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/cgroup.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

/// Of what waits in sockets, which is not counted without one.
constexpr std::string_view sockets_limit_v1 = "memory.kmem.tcp.limit_in_bytes";
/// On v1 all containers together compete as one with each single process of the root group; on v2
/// with a slice of services.
constexpr std::string_view serving_shares_v1 = "10240";
constexpr std::string_view background_shares_v1 = "1024";
constexpr std::string_view serving_weight_v2 = "100";
constexpr std::string_view background_weight_v2 = "10";
constexpr std::uint64_t background_disk_weight = 10;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(at), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// The kernel takes a value in one write(2); the files exist or the controller is missing.
Result<void> set(const fs::path& file, std::string_view value) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), value.data(), value.size()) < 0)
    return system_error("set " + file.string() + " to " + std::string(value));
  return {};
}

std::string get(const fs::path& file) {
  auto text = read_file(file, 64 << 10);
  return text.has_error() ? std::string() : std::move(*text);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The number after `key` and a space at the beginning of a line.
std::uint64_t field(const std::string& text, std::string_view key) {
  for (const auto line : split(text, '\n'))
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return number(line.substr(key.size() + 1));
  return 0;
}

bool holds(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

struct Mount {
  std::string_view point, type, super_options;
};

std::vector<Mount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<Mount> result;
  for (const auto line : split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || !after[0].starts_with("cgroup")) continue;
    result.push_back({before[4], after[0], after[2]});
  }
  return result;
}

Result<void> make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return system_error("create cgroup " + path.string());
  // Whatever our umask is: to mount the group as its own tree, the container's root has to pass
  // every directory above it (kernfs_node_dentry).
  if (::chmod(path.c_str(), 0755) != 0) return system_error("set mode of cgroup " + path.string());
  return {};
}

/// cpuset's directories are born without a processor, and a process cannot join such a one.
Result<void> inherit_cpuset(const fs::path& directory) {
  for (const char* name : {"cpuset.cpus", "cpuset.mems"}) {
    if (get(directory / name).find_first_of("0123456789") != std::string::npos) continue;
    std::string value = get(directory.parent_path() / name);
    while (value.ends_with('\n')) value.pop_back();
    BERTH_TRY(set(directory / name, value));
  }
  return {};
}

/// The share of a busy disk, by the same weight as that of the processors. Best effort: which of
/// these files are there, and whether they do anything, is up to the disk's scheduler.
void weigh_disk(const fs::path& at, std::uint64_t weight) {
  const std::string bounded = std::to_string(std::clamp<std::uint64_t>(weight, 1, 1000));
  for (const char* name : {"blkio.bfq.weight", "io.bfq.weight", "io.weight"})
    if (fs::exists(at / name)) (void)set(at / name, bounded);
  // The oldest of them counts from 10 and has 500 in the middle.
  if (fs::exists(at / "blkio.weight"))
    (void)set(at / "blkio.weight", std::to_string(std::clamp<std::uint64_t>(weight * 5, 10, 1000)));
}

/// On v1 this holds for what is read and for what is written past the page cache; the rest is
/// written later, by nobody's group.
Result<void> limit_disk(const fs::path& at, const std::string& disk, std::uint64_t rate, bool v2) {
  if (rate == 0) return {};
  if (disk.empty())
    return Error{ErrorKind::unavailable,
                 "the throughput of this disk cannot be limited: its file system lies on no block "
                 "device of its own. Leave 'io' out of the size"};
  const std::string number = std::to_string(rate);
  if (v2) return set(at / "io.max", disk + " rbps=" + number + " wbps=" + number);
  BERTH_TRY(set(at / "blkio.throttle.read_bps_device", disk + " " + number));
  return set(at / "blkio.throttle.write_bps_device", disk + " " + number);
}

Result<void> limit_v1(const fs::path& at, const std::vector<std::string>& controllers,
                      const Limits& limits, const std::string& disk) {
  if (holds(controllers, "memory")) {
    BERTH_TRY(set(at / "memory.limit_in_bytes", std::to_string(limits.memory_bytes)));
    // Absent where swap accounting is off; then swap is the machine's business.
    if (fs::exists(at / "memory.memsw.limit_in_bytes"))
      BERTH_TRY(set(at / "memory.memsw.limit_in_bytes", std::to_string(limits.memory_bytes)));
    // On v1 this is counted apart.
    if (fs::exists(at / sockets_limit_v1))
      BERTH_TRY(set(at / sockets_limit_v1, std::to_string(limits.memory_bytes / 2)));
  }
  if (holds(controllers, "cpu")) {
    const std::uint64_t shares = std::max<std::uint64_t>(2, limits.cpu_weight * 1024 / 100);
    BERTH_TRY(set(at / "cpu.shares", std::to_string(shares)));
    if (limits.cpu_milli > 0) {
      BERTH_TRY(set(at / "cpu.cfs_period_us", "100000"));
      BERTH_TRY(set(at / "cpu.cfs_quota_us",
                    std::to_string(std::max<std::uint64_t>(1000, limits.cpu_milli * 100))));
    }
  }
  if (holds(controllers, "pids")) BERTH_TRY(set(at / "pids.max", std::to_string(limits.pids)));
  if (holds(controllers, "blkio")) {
    weigh_disk(at, limits.cpu_weight);
    BERTH_TRY(limit_disk(at, disk, limits.disk_rate, false));
  }
  return {};
}

Result<void> limit_v2(const fs::path& at, const Limits& limits, const std::string& disk) {
  BERTH_TRY(set(at / "memory.max", std::to_string(limits.memory_bytes)));
  if (limits.memory_high_bytes != 0)
    BERTH_TRY(set(at / "memory.high", std::to_string(limits.memory_high_bytes)));
  if (fs::exists(at / "memory.swap.max")) BERTH_TRY(set(at / "memory.swap.max", "0"));
  BERTH_TRY(set(at / "cpu.weight",
                std::to_string(std::clamp<std::uint64_t>(limits.cpu_weight, 1, 10'000))));
  if (limits.cpu_milli > 0)
    BERTH_TRY(
        set(at / "cpu.max",
            std::to_string(std::max<std::uint64_t>(1000, limits.cpu_milli * 100)) + " 100000"));
  weigh_disk(at, limits.cpu_weight);
  BERTH_TRY(limit_disk(at, disk, limits.disk_rate, true));
  return set(at / "pids.max", std::to_string(limits.pids));
}

/// On v2 a controller works below a directory only if the directory hands it down.
Result<void> hand_down(const fs::path& directory) {
  for (const char* name : {"+memory", "+cpu", "+pids"})
    BERTH_TRY(set(directory / "cgroup.subtree_control", name));
  (void)set(directory / "cgroup.subtree_control", "+io");  // not everywhere; few need it
  return {};
}

Result<fs::path> make_base(const CgroupHierarchy& hierarchy, const std::string& name,
                           std::string_view own) {
  const std::string_view controller = hierarchy.v2 || hierarchy.controllers.empty()
                                          ? ""
                                          : std::string_view(hierarchy.controllers.front());
  const fs::path at_root = hierarchy.mount / name;
  auto made = make_directory(at_root);
  if (!made.has_error()) return at_root;
  // A path that begins with a slash would replace the mount point in operator/.
  const std::string path = own_cgroup(own, controller);
  const fs::path below =
      hierarchy.mount / path.substr(std::min<std::size_t>(1, path.size())) / name;
  if (below == at_root || make_directory(below).has_error()) return made.error();
  return below;
}

/// What the kernel cannot take back: of the programs, and of files in memory, which is also where
/// gVisor has all of its programs' memory.
std::uint64_t anonymous(const std::string& stat, bool v2) {
  return v2 ? field(stat, "anon") + field(stat, "shmem")
            : field(stat, "total_rss") + field(stat, "total_shmem");
}

}  // namespace

std::string disk_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  std::error_code failure;
  fs::path device = fs::canonical("/sys/dev/block/" + std::to_string(major(status.st_dev)) + ":" +
                                      std::to_string(minor(status.st_dev)),
                                  failure);
  if (failure) return {};
  if (fs::exists(device / "partition")) device = device.parent_path();
  std::string text = get(device / "dev");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::vector<CgroupHierarchy>> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupHierarchy> v1;
  std::vector<CgroupHierarchy> v2;
  std::vector<std::string> controllers;
  for (const auto& mount : cgroup_mounts(mountinfo)) {
    if (mount.type == "cgroup2") {
      v2.push_back({.mount = fs::path(mount.point), .controllers = {}, .v2 = true});
      continue;
    }
    CgroupHierarchy hierarchy{.mount = fs::path(mount.point), .controllers = {}, .v2 = false};
    for (const auto option : split(mount.super_options, ','))
      if (option != "rw" && option != "ro" && option != "xattr" && option != "clone_children" &&
          !option.starts_with("release_agent="))
        hierarchy.controllers.emplace_back(option);
    controllers.insert(controllers.end(), hierarchy.controllers.begin(),
                       hierarchy.controllers.end());
    v1.push_back(std::move(hierarchy));
  }
  if (holds(controllers, "memory") && holds(controllers, "cpu") && holds(controllers, "pids"))
    return v1;
  if (!v2.empty()) return std::vector{v2.front()};
  return Error{ErrorKind::unavailable,
               "no usable cgroups: neither cgroup2 nor the v1 controllers memory, cpu and pids are "
               "mounted under /sys/fs/cgroup"};
}

fs::path hybrid_unified_mount(std::string_view mountinfo) {
  const auto hierarchies = parse_cgroup_mounts(mountinfo);
  if (hierarchies.has_error() || hierarchies->front().v2) return {};
  for (const auto& mount : cgroup_mounts(mountinfo))
    if (mount.type == "cgroup2") return fs::path(mount.point);
  return {};
}

std::string own_cgroup(std::string_view text, std::string_view controller) {
  for (const auto line : split(text, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1);
    const auto list = split(names, ',');
    const bool match = controller.empty()
                           ? names.empty()
                           : std::find(list.begin(), list.end(), controller) != list.end();
    if (match) return std::string(line.substr(second + 1));
  }
  return "/";
}

Result<Cgroups> Cgroups::open(const std::string& name, Share share) {
  const bool background = share == Share::background;
  BERTH_ASSIGN(const std::string mountinfo, read_file("/proc/self/mountinfo"));
  BERTH_ASSIGN(const std::string own, read_file("/proc/self/cgroup"));
  BERTH_ASSIGN(const auto hierarchies, parse_cgroup_mounts(mountinfo));
  Cgroups result;
  result.v2_ = hierarchies.front().v2;
  result.unified_ = hybrid_unified_mount(mountinfo);
  for (const auto& hierarchy : hierarchies) {
    BERTH_ASSIGN(const fs::path base, make_base(hierarchy, name, own));
    if (hierarchy.v2) {
      BERTH_TRY(hand_down(base.parent_path()));
      BERTH_TRY(hand_down(base));
    }
    if (holds(hierarchy.controllers, "cpuset")) BERTH_TRY(inherit_cpuset(base));
    if (hierarchy.v2) {
      BERTH_TRY(
          set(base / "cpu.weight", background ? background_weight_v2 : serving_weight_v2));
    } else if (holds(hierarchy.controllers, "cpu")) {
      BERTH_TRY(
          set(base / "cpu.shares", background ? background_shares_v1 : serving_shares_v1));
    }
    // The first group that counts sockets has the kernel patch itself, which costs a start a third
    // of a millisecond if that is a container's.
    if (const fs::path sockets = base / sockets_limit_v1;
        !hierarchy.v2 && holds(hierarchy.controllers, "memory") && fs::exists(sockets))
      BERTH_TRY(set(sockets, std::to_string(INT64_MAX)));
    if (background) weigh_disk(base, background_disk_weight);
    result.bases_.push_back({base, hierarchy.mount, hierarchy.controllers});
  }
  return result;
}

fs::path Cgroups::with_controller(std::string_view name) const {
  for (const auto& base : bases_)
    if (v2_ || holds(base.controllers, name)) return base.directory;
  return {};
}

Cgroup Cgroups::of(const std::string& id) const {
  Cgroup result;
  for (const auto& base : bases_) result.directories.push_back(base.directory / id);
  result.memory = with_controller("memory") / id;
  result.cpu = with_controller("cpuacct") / id;
  result.pids = with_controller("pids") / id;
  return result;
}

std::string Cgroups::path(const std::string& id) const {
  std::string result;
  for (const auto& base : bases_) {
    const std::string own = "/" + (base.directory / id).lexically_relative(base.mount).string();
    if (!result.empty() && own != result) return {};
    result = own;
  }
  return result;
}

Result<Cgroup> Cgroups::create(const std::string& id, const Limits& limits,
                               const std::string& disk) const {
  for (const auto& base : bases_) {
    const fs::path at = base.directory / id;
    BERTH_TRY(make_directory(at));
    if (holds(base.controllers, "cpuset")) BERTH_TRY(inherit_cpuset(at));
    BERTH_TRY(v2_ ? limit_v2(at, limits, disk) : limit_v1(at, base.controllers, limits, disk));
  }
  return of(id);
}

std::vector<std::string> Cgroups::list() const {
  std::vector<std::string> names;
  for (const auto& base : bases_) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(base.directory, failure))
      if (entry.is_directory(failure)) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<void> Cgroups::freeze(const std::string& id) const {
  if (v2_) return set(with_controller("") / id / "cgroup.freeze", "1");
  const fs::path freezer = with_controller("freezer");
  if (freezer.empty())
    return Error{ErrorKind::unavailable, "this machine has no freezer (the cgroup controller)"};
  return set(freezer / id / "freezer.state", "FROZEN");
}

Result<void> Cgroups::thaw(const std::string& id) const {
  if (v2_) return set(with_controller("") / id / "cgroup.freeze", "0");
  const fs::path freezer = with_controller("freezer");
  return freezer.empty() ? Result<void>() : set(freezer / id / "freezer.state", "THAWED");
}

Result<void> Cgroups::destroy(const std::string& id) const {
  (void)thaw(id);  // on v1 what is frozen is not killed
  for (const auto& base : bases_) {
    const fs::path at = base.directory / id;
    for (int round = 0;; ++round) {
      if (::rmdir(at.c_str()) == 0 || errno == ENOENT) break;
      if (errno != EBUSY || round == 400) return system_error("remove cgroup " + at.string());
      const std::string procs = get(at / "cgroup.procs");
      for (const auto line : split(procs, '\n'))
        if (const auto pid = static_cast<pid_t>(number(line)); pid > 1) ::kill(pid, SIGKILL);
      ::poll(nullptr, 0, 5);  // v1 has no event for "the last process is gone"
    }
  }
  return {};
}

Result<void> Cgroups::destroy_all() const {
  for (const auto& id : list()) BERTH_TRY(destroy(id));
  for (const auto& base : bases_)
    if (::rmdir(base.directory.c_str()) != 0 && errno != ENOENT)
      return system_error("remove cgroup " + base.directory.string());
  return {};
}

Result<ReplicaStats> Cgroups::stats(const std::string& id) const {
  const Cgroup group = of(id);
  ReplicaStats result;
  // As `docker stats` counts: without the page cache that the kernel takes back when asked.
  const std::string memory = get(group.memory / "memory.stat");
  const std::uint64_t used =
      number(get(group.memory / (v2_ ? "memory.current" : "memory.usage_in_bytes")));
  const std::uint64_t cache = field(memory, v2_ ? "inactive_file" : "total_inactive_file");
  result.memory_bytes = used - std::min(used, cache);
  result.anonymous_bytes = anonymous(memory, v2_);
  result.cpu = std::chrono::microseconds(v2_ ? field(get(group.cpu / "cpu.stat"), "usage_usec")
                                             : number(get(group.cpu / "cpuacct.usage")) / 1000);
  result.pids = number(get(group.pids / "pids.current"));
  if (memory.empty()) return Error{ErrorKind::not_found, id + " does not run"};
  return result;
}

CgroupEvents Cgroups::events(const std::string& id) const {
  const Cgroup group = of(id);
  return {.oom_kills = field(get(group.oom_events(v2_)), "oom_kill"),
          .pids_refused = field(get(group.pids / "pids.events"), "max")};
}

MemorySample Cgroups::memory(const std::string& id) const {
  const Cgroup group = of(id);
  const std::string stat = get(group.memory / "memory.stat");
  // "max" of v2 reads as 0, and v1's no limit is more than any machine has.
  return {
      .limit_bytes = number(get(group.memory / (v2_ ? "memory.max" : "memory.limit_in_bytes"))),
      .used_bytes = number(get(group.memory / (v2_ ? "memory.current" : "memory.usage_in_bytes"))),
      .anonymous_bytes = anonymous(stat, v2_),
      .major_faults = field(stat, v2_ ? "pgmajfault" : "total_pgmajfault")};
}

}  // namespace berth::runtime
