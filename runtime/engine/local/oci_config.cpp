// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/oci_config.hpp"

#include <string_view>

#include "base/json.hpp"

namespace berth::runtime {

namespace {

std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      result.push_back(i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63]);
  }
  return result;
}

json::object mount(std::string_view target, std::string_view type, std::string_view source,
                   std::initializer_list<std::string_view> options) {
  json::array list;
  for (const auto option : options) list.emplace_back(option);
  return {
      {"destination", target}, {"type", type}, {"source", source}, {"options", std::move(list)}};
}

json::array mounts(const OciContainer& container) {
  const std::string shm = "size=" + std::to_string(container.shm_bytes);
  const std::string tmp = "size=" + std::to_string(container.tmp_bytes);
  json::array result = {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=64k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", shm}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      // Possible in a user namespace because the network namespace belongs to it too: the container
      // sees its own interfaces there and not the host's.
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/dev/berth-init", "bind", container.init, {"bind", "ro", "nosuid", "nodev"}),
  };
  if (container.tmp_bytes > 0)
    result.push_back(mount("/tmp", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=1777", tmp}));
  for (const auto& bind : container.mounts)
    result.push_back(mount(bind.target, "bind", bind.source,
                           {"rbind", bind.writable ? "rw" : "ro", "nosuid", "nodev"}));
  return result;
}

json::object process(const OciContainer& container) {
  json::array names;
  for (const auto& name : container.capabilities) names.emplace_back(name);
  json::object capabilities;
  for (const char* set : {"bounding", "effective", "permitted"}) capabilities[set] = names;
  for (const char* set : {"inheritable", "ambient"}) capabilities[set] = json::array();
  const auto limit = [](const char* type, std::uint64_t value) {
    return json::object{{"type", type}, {"hard", value}, {"soft", value}};
  };
  return {{"terminal", false},
          {"user", {{"uid", container.uid}, {"gid", container.gid}}},
          {"args", {"/dev/berth-init", "agent"}},
          {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
          {"cwd", "/"},
          {"capabilities", std::move(capabilities)},
          {"rlimits",
           json::array{limit("RLIMIT_CORE", 0), limit("RLIMIT_NOFILE", container.open_files)}},
          {"noNewPrivileges", true},
          {"oomScoreAdj", container.oom_score_adjust}};
}

json::object linux_part(const OciContainer& container) {
  json::array namespaces;
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "user", "cgroup"})
    namespaces.push_back(json::object{{"type", type}});
  const json::array mapping = {
      json::object{{"containerID", 0}, {"hostID", container.uid_base}, {"size", 65'536}}};
  return {{"namespaces", std::move(namespaces)},
          {"uidMappings", mapping},
          {"gidMappings", mapping},
          // No capability is left to bind port 80 with.
          {"sysctl", {{"net.ipv4.ip_unprivileged_port_start", "0"}}},
          {"maskedPaths",
           {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
            "/proc/scsi", "/proc/pressure", "/sys/firmware", "/sys/devices/virtual/powercap"}},
          // A masked file would take what is written to it: the last one is read-only instead.
          {"readonlyPaths",
           {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

}  // namespace

std::string oci_config(const OciContainer& container) {
  json::object config = {
      {"ociVersion", "1.0.2"},          {"root", {{"path", container.root}, {"readonly", false}}},
      {"hostname", container.hostname}, {"process", process(container)},
      {"mounts", mounts(container)},    {"linux", linux_part(container)},
  };
  if (!container.seccomp_filter.empty())
    config["annotations"] = {{"run.oci.seccomp_bpf_data", base64(container.seccomp_filter)}};
  return to_text(config);
}

}  // namespace berth::runtime
