// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/oci_config.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "runtime/engine/local/container_shape.hpp"
#include "runtime/engine/local/seccomp.hpp"

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
                   json::array options) {
  return {{"destination", target},
          {"type", type},
          {"source", source},
          {"options", std::move(options)}};
}

json::object mount(const FixedMount& fixed, const std::string& more = {}) {
  static constexpr std::pair<unsigned long, const char*> words[] = {
      {MS_NOSUID, "nosuid"}, {MS_NOEXEC, "noexec"},           {MS_NODEV, "nodev"},
      {MS_RDONLY, "ro"},     {MS_STRICTATIME, "strictatime"},
  };
  json::array options;
  for (const auto& [flag, word] : words)
    if (fixed.flags & flag) options.emplace_back(word);
  for (std::string_view rest = fixed.data; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    options.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (!more.empty()) options.emplace_back(more);
  return mount(fixed.target, fixed.type, fixed.type, std::move(options));
}

json::array mounts(const OciContainer& container) {
  json::array result;
  for (const FixedMount& fixed : fixed_mounts)
    result.push_back(mount(fixed, fixed.target == std::string_view("/dev/shm")
                                      ? "size=" + std::to_string(container.shm_bytes)
                                      : std::string()));
  result.push_back(
      mount(agent_program, "bind", container.init, {"bind", "ro", "nosuid", "nodev"}));
  if (container.tmp_bytes > 0)
    result.push_back(mount(tmp_in_memory, "size=" + std::to_string(container.tmp_bytes)));
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
          {"args", {agent_program, "agent"}},
          {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
          {"cwd", "/"},
          {"capabilities", std::move(capabilities)},
          {"rlimits",
           json::array{limit("RLIMIT_CORE", 0), limit("RLIMIT_NOFILE", container.open_files),
                       limit("RLIMIT_SIGPENDING", pending_signals)}},
          {"noNewPrivileges", true},
          {"oomScoreAdj", container.oom_score_adjust}};
}

template <class Paths>
json::array list(const Paths& paths) {
  json::array result;
  for (const char* path : paths) result.emplace_back(path);
  return result;
}

json::object linux_part(const OciContainer& container) {
  json::array namespaces;
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "user", "cgroup"})
    namespaces.push_back(json::object{{"type", type}});
  // It reads addresses and routes there when it starts, and keeps them to itself from then on.
  if (container.maker == Maker::runsc) namespaces[1].as_object()["path"] = container.network;
  const json::array mapping = {
      json::object{{"containerID", 0}, {"hostID", container.uid_base}, {"size", 65'536}}};
  json::object result = {{"namespaces", std::move(namespaces)},
                         {"uidMappings", mapping},
                         {"gidMappings", mapping},
                         {"sysctl", {{unprivileged_port_sysctl, "0"}}},
                         {"maskedPaths", list(masked_paths)},
                         {"readonlyPaths", list(read_only_paths)}};
  // gVisor answers "not permitted" whatever the profile says, from which libraries do not fall
  // back: inside, the agent loads the compiled filter.
  if (container.maker == Maker::runc) result["seccomp"] = seccomp_profile();
  if (!container.cgroup.empty()) result["cgroupsPath"] = container.cgroup;
  return result;
}

}  // namespace

std::string oci_config(const OciContainer& container) {
  json::object config = {
      {"ociVersion", "1.0.2"},          {"root", {{"path", container.root}, {"readonly", false}}},
      {"hostname", container.hostname}, {"process", process(container)},
      {"mounts", mounts(container)},    {"linux", linux_part(container)},
  };
  if (container.maker == Maker::crun)
    config["annotations"] = {{"run.oci.seccomp_bpf_data", base64(container.seccomp_filter)}};
  return to_text(config);
}

}  // namespace berth::runtime
