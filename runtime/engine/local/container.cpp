// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/container.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/engine/local/choose_maker.hpp"
#include "runtime/engine/local/container_shape.hpp"
#include "runtime/engine/local/furniture.hpp"
#include "runtime/engine/local/oci_config.hpp"
#include "runtime/engine/local/seccomp.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t open_files_wanted = 65'536;
/// Longer than the shim's own limit, whose message is the better one.
constexpr std::chrono::seconds start_limit{40};

Result<Fd> memory_file(const char* name, std::string_view content) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) return system_error("memfd_create");
  BERTH_TRY(write_all(file.get(), content));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<void> make_directory(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return system_error("create " + path.string());
  if (::chmod(path.c_str(), mode) != 0) return system_error("set mode of " + path.string());
  return {};
}

/// For every user inside, whatever the server's umask is.
Result<void> write_public_file(const fs::path& path, const std::string& text) {
  BERTH_TRY(write_file(path, text));
  if (::chmod(path.c_str(), 0644) != 0) return system_error("set mode of " + path.string());
  return {};
}

/// The mount points and the three files that differ between containers go straight into the
/// writable layer: cheaper than a mount each, and the files on disk need no uid but root's.
Result<void> fill_upper(const ContainerHost& host, const ContainerSpec& spec,
                        const NetworkMember& member) {
  std::string hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  if (member.address != 0) hosts += ipv4_text(member.address) + " " + spec.hostname + "\n";
  if (!spec.kept_upper.empty())
    return furnish(spec, {{"etc/hosts", hosts},
                          {"etc/hostname", spec.hostname + "\n"},
                          {"etc/resolv.conf", host.network->resolv_conf(member)}});
  const fs::path upper = upper_directory(spec.directory);
  BERTH_TRY(make_directory(upper, 0755));
  BERTH_TRY(make_directory(spec.directory / "work", 0700));
  for (const char* name : {"etc", "proc", "dev", "sys"})
    BERTH_TRY(make_directory(upper / name, 0755));
  BERTH_TRY(make_directory(upper / "tmp", 01777));
  BERTH_TRY(write_public_file(upper / "etc/hosts", hosts));
  BERTH_TRY(write_public_file(upper / "etc/hostname", spec.hostname + "\n"));
  return write_public_file(upper / "etc/resolv.conf", host.network->resolv_conf(member));
}

std::vector<std::string> strings(const std::vector<fs::path>& paths) {
  return {paths.begin(), paths.end()};
}

struct Layout {
  std::vector<ShimMount> mounts;
  std::vector<OciMount> inside;
};

Layout lay_out(const ContainerHost& host, const ContainerSpec& spec) {
  Layout layout;
  layout.mounts.push_back({.name = "rootfs",
                           .source = {},
                           .lowers = strings(spec.root_layers),
                           .upper = upper_directory(spec.directory),
                           .work = spec.directory / "work"});
  if (!spec.kept_upper.empty()) {
    ShimMount& root = layout.mounts.front();
    root.lowers.insert(root.lowers.begin(), furniture_directory(spec.directory).string());
    root.upper = spec.kept_upper;
    root.work = spec.kept_work;
  }
  const auto add = [&](ShimMount mount, const std::string& target) {
    mount.target = target;
    mount.name = "m" + std::to_string(layout.mounts.size());
    layout.inside.push_back({.source = (host.options.stage / mount.name).string(),
                             .target = target,
                             .writable = mount.writable});
    layout.mounts.push_back(std::move(mount));
  };
  for (const auto& overlay : spec.overlays)
    add({.name = {},
         .source = {},
         .writable = true,
         .lowers = strings(overlay.lowers),
         .upper = overlay.upper,
         .work = overlay.work},
        overlay.target);
  for (const auto& bind : spec.binds) {
    if (is_lent_file(spec, bind)) continue;
    add({.name = {},
         .source = bind.source,
         .writable = bind.writable,
         .lowers = {},
         .upper = {},
         .work = {}},
        bind.target);
  }
  for (const auto& volume : spec.volumes)
    add({.name = {},
         .source = {},
         .device = volume.device,
         .writable = true,
         .lowers = {},
         .upper = {},
         .work = {}},
        volume.target);
  // A mount inside another mount's target must come after it.
  std::sort(layout.inside.begin(), layout.inside.end(),
            [](const OciMount& a, const OciMount& b) { return a.target < b.target; });
  std::sort(layout.mounts.begin() + 1, layout.mounts.end(),
            [](const ShimMount& a, const ShimMount& b) { return a.target < b.target; });
  return layout;
}

/// Of its memory, for files in /tmp and /dev/shm each.
std::uint64_t memory_share(const ContainerSpec& spec) {
  return std::max<std::uint64_t>(spec.limits.memory_bytes / 2, 1 << 20);
}

std::uint64_t capability_bits(const std::vector<std::string>& names) {
  std::uint64_t bits = 0;
  for (const Capability& known : capabilities)
    if (std::find(names.begin(), names.end(), known.name) != names.end())
      bits |= std::uint64_t{1} << known.number;
  return bits;
}

std::string oci_text(const ContainerHost& host, const ContainerSpec& spec, const Layout& layout,
                     const std::string& cgroup) {
  return oci_config({.maker = spec.maker.maker,
                     .root = (host.options.stage / "rootfs").string(),
                     .init = (host.options.stage / "init").string(),
                     .network = (host.options.stage / "network").string(),
                     .hostname = spec.hostname,
                     .uid = spec.agent_uid,
                     .gid = spec.agent_gid,
                     .uid_base = spec.uid_base,
                     .capabilities = spec.capabilities,
                     .open_files = host.open_files,
                     .oom_score_adjust = spec.oom_score_adjust,
                     .tmp_bytes = spec.tmp_in_memory ? memory_share(spec) : 0,
                     .shm_bytes = memory_share(spec),
                     .mounts = layout.inside,
                     .cgroup = cgroup,
                     .seccomp_filter = host.seccomp_filter});
}

ShimConf shim_conf(const ContainerHost& host, const ContainerSpec& spec,
                   const NetworkMember& member, const Cgroup& cgroup) {
  ShimConf conf{.id = spec.id,
                .stage = host.options.stage,
                .maker = spec.maker.maker,
                .oci_runtime = spec.maker.program,
                .unified = host.cgroups.unified(),
                .uid_base = spec.uid_base,
                .hostname = spec.hostname,
                .uid = spec.agent_uid,
                .gid = spec.agent_gid,
                .capabilities = capability_bits(spec.capabilities),
                .open_files = host.open_files,
                .oom_score_adjust = static_cast<std::uint32_t>(spec.oom_score_adjust),
                .tmp_bytes = spec.tmp_in_memory ? memory_share(spec) : 0,
                .shm_bytes = memory_share(spec),
                .mounts = {},
                .cgroups = strings(cgroup.directories),
                .oom_events = cgroup.oom_events(host.cgroups.v2()),
                .veth = {},
                .bridge = {},
                .address = {},
                .gateway = {},
                .address6 = {},
                .gateway6 = {},
                .log_file = spec.log_file,
                .log_source = spec.log_source,
                .log_lines_per_second = host.options.log_lines_per_second,
                .program = spec.program.has_value(),
                .terminal = spec.program && spec.program->terminal,
                .attach_stdin = spec.attach_stdin};
  if (member.address != 0) {
    conf.veth = member.veth;
    conf.bridge = host.network->bridge();
    conf.address = ipv4_text(member.address);
    conf.gateway = host.network->gateway();
    if (member.address6) {
      conf.address6 = member.address6->text();
      conf.gateway6 = host.network->gateway6();
    }
    conf.mtu = host.network->mtu();
    conf.network_rate = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(spec.limits.network_rate, UINT32_MAX));
  }
  return conf;
}

/// The path of the control group for a maker that joins it itself; for the others nothing, since
/// the shim joins it before it runs them.
Result<std::string> group_to_join(const Cgroups& cgroups, const std::string& id, Maker maker) {
  if (maker == Maker::native || maker == Maker::crun) return std::string();
  std::string path = cgroups.path(id);
  if (path.empty())
    return Error{ErrorKind::unavailable,
                 std::string(name_of(maker)) +
                     " takes one path for all control groups, and on this machine Berth's are at "
                     "different ones: choose native or crun"};
  return path;
}

Result<StartedContainer> spawn_shim(const ContainerHost& host, const ContainerSpec& spec) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return system_error("socketpair");
  StartedContainer result;
  result.shim = std::make_unique<ShimLink>(Fd(pair[0]));
  const Fd shim_status(pair[1]);
  BERTH_ASSIGN(const Fd program,
               memory_file("berth-program", spec.program ? encode(*spec.program) : std::string()));
  BERTH_ASSIGN(const Fd note, memory_file("berth-note", spec.note));
  Fd shim_client;
  if (!agent_socket_pair(result.agent, shim_client)) return system_error("socketpair");
  Command command{.argv = {host.options.shim.string(), "run", spec.directory.string()},
                  .env = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}},
                  .clear_env = true,
                  .stdout_fd = -1,
                  .stderr_fd = -1,
                  .extra_fds = {{shim_status.get(), shim_status_fd},
                                {program.get(), shim_program_fd},
                                {shim_client.get(), shim_client_fd},
                                {note.get(), shim_note_fd},
                                {host.seccomp_file.get(), shim_filter_fd}},
                  .new_session = true};
  if (spec.program) result.agent.reset();
  BERTH_TRY(with_context(ChildProcess::spawn_orphan(command), "the shim"));
  return result;
}

/// Until the shim says that the container runs, or why it does not.
Result<void> await_start(StartedContainer& container) {
  for (;;) {
    const ShimReport report = container.shim->wait(start_limit);
    if (report.kind == ShimReport::Kind::none)
      return Error{ErrorKind::timeout, "the container was not made in time"};
    if (report.kind == ShimReport::Kind::failed)
      return Error{ErrorKind::unavailable, report.message};
    if (report.kind == ShimReport::Kind::exited || report.kind == ShimReport::Kind::gone)
      return Error{ErrorKind::internal, "the shim ended before the container ran"};
    if (report.kind != ShimReport::Kind::started) continue;
    container.pid = report.pid;
    container.started_at = report.at;
    return {};
  }
}

/// What all containers together may have of something; a smaller limit would be used up by few.
void raise_limit(const char* path, std::uint64_t least) {
  const auto text = read_file(path);
  if (text.has_error() || std::strtoull(text->c_str(), nullptr, 10) >= least) return;
  if (const auto raised = write_file(path, std::to_string(least)); raised.has_error())
    log_warning("containers share a limit that may be too low: {}", raised.error().message);
}

}  // namespace

Result<std::unique_ptr<ContainerHost>> ContainerHost::open(
    const LocalOptions& options, const std::vector<NetworkMember>& members,
    const EgressPolicies& egress) {
  if (::geteuid() != 0)
    return Error{ErrorKind::forbidden,
                 "containers need root: run the server as root (namespaces, cgroups and mounts)"};
  if (::access(options.shim.c_str(), X_OK) != 0)
    return system_error("the program berth-shim at " + options.shim.string());
  BERTH_ASSIGN(Cgroups cgroups, Cgroups::open(options.cgroup));
  BERTH_ASSIGN(Cgroups sandbox_cgroups,
               Cgroups::open(options.cgroup + "-builds", Cgroups::Share::background));
  auto host = std::make_unique<ContainerHost>(options, std::move(cgroups),
                                              std::move(sandbox_cgroups));
  BERTH_TRY(choose_maker({}, options.oci_runtime));
  BERTH_TRY(make_directories(options.stage));
  host->disk = disk_of(options.data_dir);
  BERTH_ASSIGN(host->seccomp_filter, compile_seccomp_filter());
  BERTH_ASSIGN(host->seccomp_file, memory_file("berth-filter", host->seccomp_filter));
  for (const CountedLimit& limit : counted_limits) raise_limit(limit.host_path, limit.host_least);
  BERTH_ASSIGN(host->network, Network::open(options.network, members, egress));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  host->open_files = std::min<std::uint64_t>(open_files_wanted, files.rlim_max);
  return host;
}

Result<StartedContainer> start_container(ContainerHost& host, const ContainerSpec& spec,
                                         const NetworkMember& member) {
  const Cgroups& cgroups = spec.sandbox ? host.sandbox_cgroups : host.cgroups;
  BERTH_ASSIGN(const std::string joined, group_to_join(cgroups, spec.id, spec.maker.maker));
  BERTH_TRY(fill_upper(host, spec, member));
  const Layout layout = lay_out(host, spec);
  if (spec.maker.maker != Maker::native)
    BERTH_TRY(
        write_file(spec.directory / "config.json", oci_text(host, spec, layout, joined)));
  BERTH_ASSIGN(const Cgroup cgroup, cgroups.create(spec.id, spec.limits, host.disk));
  ShimConf conf = shim_conf(host, spec, member, cgroup);
  conf.mounts = layout.mounts;
  std::string text;
  if (!write_shim_conf(conf, text))
    return Error{ErrorKind::invalid, "a path of " + spec.id + " holds a line break"};
  BERTH_TRY(write_file(spec.directory / "shim.conf", text));
  BERTH_ASSIGN(StartedContainer container, spawn_shim(host, spec));
  // While the container is made. Its program does not start before it is told to.
  auto started = host.network->admit(member);
  container.shim->send(started.has_error() ? "stop 0" : "go");
  if (auto made = await_start(container); !started.has_error()) started = std::move(made);
  if (started.has_error()) {
    (void)cgroups.destroy(spec.id);
    return started.error();
  }
  return container;
}

}  // namespace berth::runtime
