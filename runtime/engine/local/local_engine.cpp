// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/local_engine.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/unix_socket.hpp"
#include "runtime/engine/local/choose_maker.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t uid_range = 65'536;
/// Builds get uid ranges of their own, above those of apps; one a sandbox, round and round.
constexpr std::uint32_t sandbox_uid_base = 3'000'000'000U;
constexpr unsigned sandbox_ranges = 1024;
constexpr std::uint64_t least_memory_bytes = 16ULL << 20;
constexpr int replica_oom_score = 200;
constexpr std::chrono::seconds release_limit{2};  ///< for a shim to go when it is told to
constexpr int exec_limit_ms = 10'000;             ///< for a program to be started
constexpr std::size_t longest_answer = 4096;

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= 40 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string hostname_of(const ReplicaSpec& spec) {
  std::string name = spec.name.empty() ? spec.id.value : spec.name;
  for (char& byte : name)
    if (!std::isalnum(static_cast<unsigned char>(byte))) byte = '-';
  return name.substr(0, 63);
}

AgentRun program_of(const ReplicaSpec& spec) {
  AgentRun run{.argv = spec.argv,
               .env = {},
               .working_directory = spec.working_directory,
               .uid = spec.uid,
               .gid = spec.gid,
               .terminal = spec.terminal,
               .columns = static_cast<std::uint32_t>(spec.columns),
               .rows = static_cast<std::uint32_t>(spec.rows)};
  for (const auto& [name, value] : spec.env) run.env.push_back(name + "=" + value);
  if (spec.port != 0) run.env.push_back("PORT=" + std::to_string(spec.port));
  return run;
}

/// A shim's one line, and not a byte of the frames behind it.
Result<std::string> read_line(const Fd& socket, int limit_ms) {
  std::string line;
  for (char byte = 0; byte != '\n' && line.size() < longest_answer;) {
    pollfd entry{socket.get(), POLLIN, 0};
    if (::poll(&entry, 1, limit_ms) <= 0)
      return Error{ErrorKind::timeout, "the replica's shim does not answer"};
    if (::recv(socket.get(), &byte, 1, 0) != 1)
      return Error{ErrorKind::unavailable, "the replica's shim ended the connection"};
    line.push_back(byte);
  }
  line.pop_back();
  return line;
}

ContainerSpec container_of(const ReplicaSpec& spec, const fs::path& directory) {
  ContainerSpec container;
  container.id = spec.id.value;
  container.directory = directory;
  container.hostname = hostname_of(spec);
  container.root_layers = spec.root_layers;
  container.uid_base = spec.uid_base;
  container.agent_uid = spec.uid;
  container.agent_gid = spec.gid;
  container.limits = spec.limits;
  container.oom_score_adjust = replica_oom_score;
  container.attach_stdin = spec.attach_stdin;
  // Images that start as root, to prepare something and become another user, were written for
  // these; in the app's own user namespace they reach nothing of the host. No raw sockets.
  if (spec.uid == 0)
    container.capabilities = {"CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                              "CAP_FSETID", "CAP_SETUID",       "CAP_SETGID",
                              "CAP_KILL",   "CAP_NET_BIND_SERVICE"};
  container.program = program_of(spec);
  if (!spec.terminal && !spec.attach_stdin && !spec.log_directory.empty()) {
    container.log_file = spec.log_directory / "current.log";
    container.log_source = spec.name;
  }
  return container;
}

}  // namespace

LocalEngine::LocalEngine(LocalOptions options)
    : options_(std::move(options)),
      volumes_(options_.data_dir / "volumes", options_.volume_patience) {}

LocalEngine::~LocalEngine() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  if (host_)
    for (const auto& [id, replica] : replicas_) host_->disk_watch.forget(id.value);
}

fs::path LocalEngine::directory(const ReplicaId& id) const {
  return options_.data_dir / "replicas" / id.value;
}

Result<void> LocalEngine::check(const ReplicaSpec& spec) const {
  const auto invalid = [&](std::string what) -> Result<void> {
    return Error{ErrorKind::invalid, "replica '" + spec.id.value + "': " + std::move(what)};
  };
  if (!valid_id(spec.id.value)) return invalid("an id is 1 to 40 of a-z, 0-9 and -");
  if (spec.argv.empty()) return invalid("there is no command to run");
  if (spec.root_layers.empty()) return invalid("there is no root file system");
  if (spec.uid_base < uid_range) return invalid("uid_base must leave the host's own users out");
  if (spec.uid >= uid_range || spec.gid >= uid_range) return invalid("uid and gid are below 65536");
  if (spec.limits.memory_bytes < least_memory_bytes) return invalid("memory is 16 MB at least");
  if (!host_) return Error{ErrorKind::internal, "the engine is not open"};
  return {};
}

Result<void> LocalEngine::set_egress(std::uint32_t uid_base, const platform::EgressPolicy& policy) {
  if (host_) return host_->network->set_egress(app_of(uid_base), policy);
  egress_[app_of(uid_base)] = policy;
  return {};
}

Result<void> LocalEngine::start(const ReplicaSpec& spec) {
  BERTH_TRY(check(spec));
  Replica replica;
  replica.status.spec = spec;
  {
    const std::scoped_lock lock(mutex_);
    Replica placeholder;
    placeholder.status.spec = spec;
    if (!replicas_.emplace(spec.id, std::move(placeholder)).second)
      return Error{ErrorKind::conflict, "replica '" + spec.id.value + "' exists already"};
  }
  const fs::path at = directory(spec.id);
  if (auto started = start_in(at, replica); started.has_error()) {
    if (auto* names = host_->network->names()) names->leave(replica.member.address);
    host_->network->leave(replica.member);
    host_->network->give_back(replica.member);
    (void)remove_tree(at);
    const std::scoped_lock lock(mutex_);
    replicas_.erase(spec.id);
    return started.error().context("start " + spec.name);
  }
  watch_disk(replica);
  {
    const std::scoped_lock lock(mutex_);
    Replica& entry = replicas_[spec.id];
    const auto stop_wanted = entry.stop_wanted;
    entry = std::move(replica);
    entry.status.stopping = stop_wanted.has_value();
    name(entry);
    if (stop_wanted) entry.shim->send("stop " + std::to_string(stop_wanted->count()));
  }
  wake();
  return {};
}

Result<void> LocalEngine::start_in(const fs::path& at, Replica& replica) {
  const ReplicaSpec& spec = replica.status.spec;
  BERTH_ASSIGN(const ChosenMaker maker, choose_maker(spec.oci, options_.oci_runtime));
  replica.maker = maker.maker;
  if (::mkdir(at.c_str(), 0700) != 0) return system_error("create " + at.string());
  if (!spec.log_directory.empty()) BERTH_TRY(make_directories(spec.log_directory));
  BERTH_ASSIGN(replica.member, host_->network->join(spec.id.value, app_of(spec.uid_base)));
  name(replica);
  const ReplicaNote note{spec, replica.member, replica.maker};
  BERTH_TRY(write_file(at / "replica.json", to_json(note, false), 0600));
  ContainerSpec container = container_of(spec, at);
  container.note = to_json(note, true);
  container.maker = maker;
  // Each until its shim has mounted it.
  std::vector<LoopDevice> devices;
  for (const ReplicaVolume& volume : spec.volumes) {
    BERTH_ASSIGN(LoopDevice device,
                 with_context(volumes_.attach({spec.app_id, volume.id}, volume.shared),
                              "the volume " + volume.name));
    container.volumes.push_back({device.path, volume.target});
    devices.push_back(std::move(device));
  }
  BERTH_ASSIGN(StartedContainer started, start_container(*host_, container, replica.member));
  replica.shim = std::move(started.shim);
  on_started(replica,
             {.kind = ShimReport::Kind::started, .pid = started.pid, .at = started.started_at});
  return {};
}

Result<void> LocalEngine::stop(const ReplicaId& id, std::chrono::milliseconds grace) {
  const std::scoped_lock lock(mutex_);
  const auto found = replicas_.find(id);
  if (found == replicas_.end() || found->second.status.state == ReplicaState::exited) return {};
  Replica& replica = found->second;
  if (!replica.shim) {
    replica.stop_wanted = grace;
    return {};
  }
  replica.status.stopping = true;
  name(replica);
  replica.shim->send("stop " + std::to_string(grace.count()));
  return {};
}

namespace {

/// In a frozen replica's directory, for the engine's next life; its time of change is the freeze's.
constexpr std::string_view frozen_file = "frozen";

}  // namespace

Result<void> LocalEngine::freeze(const ReplicaId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = replicas_.find(id);
  if (found == replicas_.end() || !found->second.shim) return {};
  ReplicaStatus& status = found->second.status;
  if (status.stopping || status.state != ReplicaState::ready || status.frozen_at != Time{})
    return {};
  BERTH_TRY(write_file(directory(id) / frozen_file, "", 0600));
  if (auto frozen = host_->cgroups.freeze(id.value); frozen.has_error()) {
    ::unlink((directory(id) / frozen_file).c_str());
    return frozen.error().context("freeze " + status.spec.name);
  }
  status.frozen_at = now();
  name(found->second);
  return {};
}

Result<void> LocalEngine::thaw(const ReplicaId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = replicas_.find(id);
  if (found == replicas_.end() || !found->second.shim) return {};
  ReplicaStatus& status = found->second.status;
  BERTH_TRY(with_context(host_->cgroups.thaw(id.value), "thaw " + status.spec.name));
  ::unlink((directory(id) / frozen_file).c_str());
  status.frozen_at = {};
  name(found->second);
  return {};
}

Time LocalEngine::frozen_since(const fs::path& at) {
  struct stat file{};
  if (::stat((at / frozen_file).c_str(), &file) != 0) return {};
  return Time(std::chrono::duration_cast<Duration>(
      std::chrono::seconds(file.st_mtim.tv_sec) +
      std::chrono::nanoseconds(file.st_mtim.tv_nsec)));
}

void LocalEngine::remove(const ReplicaId& id) {
  NetworkMember left;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = replicas_.find(id);
    if (found == replicas_.end() || found->second.status.state != ReplicaState::exited) return;
    left = found->second.left;
    replicas_.erase(found);
  }
  host_->network->give_back(left);
  host_->disk_watch.forget(id.value);
  // A shim that still offers the output of a finished one-off goes now.
  if (auto socket = connect_unix(directory(id) / "shim.sock"); !socket.has_error()) {
    ShimLink shim(std::move(*socket));
    shim.send("release");
    (void)shim.wait(release_limit);
  }
  if (auto removed = remove_tree(directory(id)); removed.has_error())
    log_warning("replica {}: {}", id.value, removed.error().message);
}

std::vector<ReplicaStatus> LocalEngine::list() const {
  const std::scoped_lock lock(mutex_);
  std::vector<ReplicaStatus> result;
  for (const auto& [id, replica] : replicas_) result.push_back(replica.status);
  return result;
}

Result<Fd> LocalEngine::attach(const ReplicaId& id) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = replicas_.find(id);
    if (found == replicas_.end())
      return Error{ErrorKind::not_found, "there is no replica '" + id.value + "'"};
    const ReplicaSpec& spec = found->second.status.spec;
    if (!spec.terminal && !spec.attach_stdin)
      return Error{ErrorKind::invalid, spec.name + " was not started to be attached to"};
  }
  BERTH_ASSIGN(Fd socket, with_context(connect_unix(directory(id) / "shim.sock"), "attach"));
  BERTH_TRY(write_all(socket.get(), "attach\n"));
  return socket;
}

Result<Fd> LocalEngine::exec(const ReplicaId& id, const ExecSpec& wanted) {
  if (wanted.argv.empty()) return Error{ErrorKind::invalid, "there is no command to run"};
  ReplicaSpec spec;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = replicas_.find(id);
    if (found == replicas_.end())
      return Error{ErrorKind::not_found, "there is no replica '" + id.value + "'"};
    spec = found->second.status.spec;
    if (!found->second.shim || !found->second.process)
      return Error{ErrorKind::conflict, spec.name + " does not run"};
    if (found->second.status.frozen_at != Time{})
      return Error{ErrorKind::conflict, spec.name + " is frozen, for a rollback"};
  }
  spec.argv = wanted.argv;
  for (const auto& [name, value] : wanted.env) spec.env[name] = value;
  spec.terminal = wanted.terminal;
  spec.columns = wanted.columns;
  spec.rows = wanted.rows;
  const std::string program = encode(program_of(spec));
  const std::string context = "run in " + spec.name;
  BERTH_ASSIGN(Fd socket, with_context(connect_unix(directory(id) / "shim.sock"), context));
  BERTH_TRY(write_all(socket.get(), "exec " + std::to_string(program.size()) + "\n" + program));
  BERTH_ASSIGN(const std::string answer, with_context(read_line(socket, exec_limit_ms), context));
  if (answer == "ok") return socket;
  return Error{ErrorKind::invalid, answer.starts_with("error ") ? answer.substr(6) : answer};
}

Result<ReplicaStats> LocalEngine::stats(const ReplicaId& id) {
  if (!host_) return Error{ErrorKind::internal, "the engine is not open"};
  return host_->cgroups.stats(id.value);
}

Result<std::unique_ptr<LocalSandbox>> LocalEngine::open_sandbox(const SandboxSpec& spec) {
  if (!host_) return Error{ErrorKind::internal, "the engine is not open"};
  if (!valid_id(spec.name))
    return Error{ErrorKind::invalid, "a sandbox's name is 1 to 40 of a-z, 0-9 and -"};
  unsigned slot;
  {
    const std::scoped_lock lock(mutex_);
    slot = next_sandbox_++ % sandbox_ranges;
  }
  return LocalSandbox::open(*host_, spec, options_.data_dir / "sandboxes" / spec.name,
                            sandbox_uid_base + slot * uid_range);
}

Result<void> LocalEngine::destroy_network() {
  if (!host_) return {};
  BERTH_TRY(host_->network->destroy());
  BERTH_TRY(host_->sandbox_cgroups.destroy_all());
  return host_->cgroups.destroy_all();
}

namespace {

/// What a replica did to its disk, for people.
std::string over_disk(const DiskUse& used, std::uint64_t limit) {
  if (used.bytes > limit)
    return "wrote " + std::to_string(used.bytes >> 20) + " MB to its disk, which is limited to " +
           std::to_string(limit >> 20) + " MB";
  return "made " + std::to_string(used.files) + " files on its disk, which is limited to " +
         std::to_string(files_for(limit)) + " at " + std::to_string(limit >> 20) + " MB";
}

}  // namespace

void LocalEngine::watch_disk(const Replica& replica) {
  const ReplicaSpec& spec = replica.status.spec;
  const std::uint64_t limit = spec.limits.disk_bytes;
  if (limit == 0) return;
  host_->disk_watch.watch(spec.id.value,
                          {.directories = {upper_directory(directory(spec.id))},
                           .limit_bytes = limit,
                           .limit_files = files_for(limit),
                           .growth_only = false,
                           .over_limit = [this, id = spec.id, limit](const DiskUse& used) {
                             const std::scoped_lock lock(mutex_);
                             const auto found = replicas_.find(id);
                             if (found == replicas_.end() || !found->second.shim) return;
                             force_end(found->second, ExitReason::disk_limit,
                                       over_disk(used, limit));
                           }});
}

}  // namespace berth::runtime
