// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <array>

#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/engine/local/choose_maker.hpp"
#include "runtime/engine/local/furniture.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
/// After the program's end its output may still be on the way; a background process that holds the
/// pipe is being killed meanwhile.
constexpr std::chrono::milliseconds drain_limit{2000};
constexpr auto look_interval = 1s;  ///< of Thrash
/// Builds go before replicas when the machine itself runs out of memory.
constexpr int build_oom_score = 500;
constexpr std::chrono::seconds end_limit{10};

ContainerSpec container_of(const SandboxSpec& spec, const std::string& id,
                           const fs::path& directory, std::uint32_t uid_base) {
  ContainerSpec container;
  container.id = id;
  container.directory = directory;
  container.hostname = "build";
  container.root_layers = spec.root_layers;
  container.kept_upper = spec.root_upper;
  container.kept_work = spec.root_work;
  container.binds = spec.binds;
  container.overlays = spec.overlays;
  container.uid_base = uid_base;
  // The agent is root in its user namespace to become the programs' users; those that are not root
  // lose every one of these.
  container.capabilities = {"CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
                            "CAP_SETUID", "CAP_SETGID",       "CAP_KILL",   "CAP_SETPCAP"};
  container.network = spec.network;
  container.tmp_in_memory = false;
  container.oom_score_adjust = build_oom_score;
  container.sandbox = true;
  container.limits = {.memory_bytes = spec.limits.memory_bytes,
                      .cpu_milli = spec.limits.cpu_milli,
                      .cpu_weight = spec.limits.cpu_weight,
                      .pids = spec.limits.pids,
                      .disk_bytes = spec.limits.disk_bytes};
  return container;
}

std::vector<fs::path> writable_directories(const SandboxSpec& spec, const fs::path& directory) {
  std::vector<fs::path> result = {spec.root_upper.empty() ? upper_directory(directory)
                                                          : spec.root_upper};
  for (const auto& overlay : spec.overlays) result.push_back(overlay.upper);
  for (const auto& bind : spec.binds)
    if (bind.writable) result.push_back(bind.source);
  return result;
}

/// Until the shim has removed what the container had; a shim that was killed has not.
void await_end(ShimLink& shim) {
  const auto deadline = Clock::now() + end_limit;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto kind = shim.wait(std::max(left, std::chrono::milliseconds(0))).kind;
    if (kind == ShimReport::Kind::none || kind == ShimReport::Kind::gone) return;
  }
}

}  // namespace

/// One program's descriptors while it runs.
struct LocalSandbox::Running {
  Fd agent;
  Fd output;
  CgroupEvents before;
};

Result<std::unique_ptr<LocalSandbox>> LocalSandbox::open(ContainerHost& host,
                                                         const SandboxSpec& spec,
                                                         fs::path directory,
                                                         std::uint32_t uid_base) {
  // A dot keeps it apart from every replica's id.
  std::unique_ptr<LocalSandbox> sandbox(new LocalSandbox(host, "sandbox." + spec.name, directory));
  if (::mkdir(directory.c_str(), 0700) != 0) return system_error("create " + directory.string());
  sandbox->root_upper_ = spec.root_upper;
  sandbox->ended_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!sandbox->ended_) return system_error("eventfd");
  if (spec.network) {
    BERTH_ASSIGN(sandbox->member_, host.network->join(sandbox->id_));
  }
  ContainerSpec container = container_of(spec, sandbox->id_, directory, uid_base);
  BERTH_ASSIGN(container.maker, choose_maker({}, host.options.oci_runtime));
  // A build's files are kept and looked at by number: how they get there is the kernel's business.
  // Through gVisor, a root that is kept has what its own kernel made of it.
  if (container.maker.maker == Maker::runsc) container.maker = {};
  BERTH_ASSIGN(sandbox->container_,
               with_context(start_container(host, container, sandbox->member_), "open sandbox"));
  host.disk_watch.watch(sandbox->id_, {.directories = writable_directories(spec, directory),
                                       .limit_bytes = spec.limits.disk_bytes,
                                       .limit_files = files_for(spec.limits.disk_bytes),
                                       .growth_only = true,
                                       .over_limit = [self = sandbox.get()](const DiskUse&) {
                                         self->out_of_disk_ = true;
                                         self->end_container();
                                       }});
  return sandbox;
}

LocalSandbox::~LocalSandbox() {
  host_.disk_watch.forget(id_);
  end_container();
  if (container_.shim) await_end(*container_.shim);
  if (auto removed = host_.sandbox_cgroups.destroy(id_); removed.has_error())
    log_warning("sandbox: {}", removed.error().message);
  host_.network->leave(member_);
  host_.network->give_back(member_);
  if (!root_upper_.empty())
    if (auto removed = remove_furniture(furniture_directory(directory_), root_upper_);
        removed.has_error())
      log_warning("sandbox: {}", removed.error().message);
  if (auto removed = remove_tree(directory_); removed.has_error())
    log_warning("sandbox: {}", removed.error().message);
}

void LocalSandbox::cancel() {
  cancelled_ = true;
  end_container();
}

void LocalSandbox::end_container() {
  {
    const std::scoped_lock lock(mutex_);
    container_.agent.reset();
    if (container_.shim) container_.shim->close_commands();  // its lifeline
  }
  const std::uint64_t one = 1;
  if (ended_) (void)!::write(ended_.get(), &one, sizeof one);
}

Result<Fd> LocalSandbox::connect() {
  Fd ours;
  Fd theirs;
  if (!agent_socket_pair(ours, theirs)) return system_error("socketpair");
  const int fd = theirs.get();
  const std::scoped_lock lock(mutex_);
  if (!container_.agent) return Error{ErrorKind::cancelled, "the sandbox has ended"};
  if (!send_packet(container_.agent.get(), AgentMessage::serve, {}, &fd, 1))
    return Error{ErrorKind::unavailable, "the sandbox has ended unexpectedly"};
  return ours;
}

Result<void> LocalSandbox::send_program(Running& running, const SandboxCommand& command) {
  AgentRun run{.argv = command.argv,
               .env = {},
               .working_directory = command.working_directory,
               .uid = command.uid,
               .gid = command.gid};
  for (const auto& [name, value] : command.env) run.env.push_back(name + "=" + value);
  BERTH_ASSIGN(Pipe output, make_pipe());
  BERTH_ASSIGN(const Fd null, open_file("/dev/null", O_RDONLY));
  const int fds[3] = {null.get(), output.write.get(), output.write.get()};
  const std::string payload = encode(run);
  if (!send_packet(running.agent.get(), AgentMessage::run, payload, fds, 3))
    return system_error("send the command to the sandbox");
  running.output = std::move(output.read);
  ::fcntl(running.output.get(), F_SETFL, O_NONBLOCK);
  return {};
}

Result<SandboxExit> LocalSandbox::run(const SandboxCommand& command, const OutputSink& sink) {
  if (command.argv.empty()) return Error{ErrorKind::invalid, "there is no command to run"};
  SandboxExit refused;
  refused.cancelled = cancelled_;
  refused.out_of_disk = out_of_disk_;
  refused.status.signal = SIGKILL;
  if (cancelled_ || out_of_disk_) return refused;
  Running running;
  BERTH_ASSIGN(running.agent, connect());
  running.before = host_.sandbox_cgroups.events(id_);
  BERTH_TRY(send_program(running, command));
  return follow(running, command, sink);
}

/// Waits for the program's end, its output's end, its deadline or that it starves.
Result<SandboxExit> LocalSandbox::follow(Running& running, const SandboxCommand& command,
                                         const OutputSink& sink) {
  SandboxExit result;
  result.status.signal = SIGKILL;  // unless the agent tells
  auto deadline = Clock::now() + command.timeout;
  auto next_look = Clock::now() + look_interval;
  Thrash thrash;
  bool thrashed = false;
  bool exited = false;
  std::array<char, 65536> buffer;
  while (running.output || !exited) {
    pollfd entries[3] = {{running.output.get(), POLLIN, 0},
                         {exited ? -1 : running.agent.get(), POLLIN, 0},
                         {exited ? -1 : ended_.get(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                          std::min(deadline, next_look) - Clock::now())
                          .count();
    const int ready =
        ::poll(entries, 3, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX)));
    if (ready < 0 && errno != EINTR) return system_error("poll");
    if (Clock::now() >= next_look) {
      next_look += look_interval;
      thrashed = thrashed || (!exited && thrash.note(host_.sandbox_cgroups.memory(id_)));
    }
    if (ready == 0 && !thrashed && Clock::now() < deadline) continue;
    if (ready == 0 || (thrashed && !exited)) {
      if (exited) break;
      result.timed_out = !thrashed;
      exited = true;
      running.agent.reset();  // the agent kills the program and all that it started
      deadline = Clock::now() + drain_limit;
      continue;
    }
    if (entries[0].revents) {
      const ssize_t count = ::read(running.output.get(), buffer.data(), buffer.size());
      if (count > 0)
        sink(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
      else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        running.output.reset();
    }
    if (entries[1].revents) {
      AgentPacket packet;
      const int got = receive_packet(running.agent.get(), packet);
      AgentExit exit;
      if (got > 0 && packet.type == AgentMessage::failed)
        return Error{ErrorKind::invalid, packet.payload};
      if (got > 0 && packet.type == AgentMessage::started) continue;
      if (got > 0 && packet.type == AgentMessage::exited && decode(packet.payload, exit))
        result.status = {.code = static_cast<int>(exit.code),
                         .signal = static_cast<int>(exit.signal)};
      exited = true;
      deadline = Clock::now() + drain_limit;
    } else if (entries[2].revents) {
      exited = true;
      deadline = Clock::now() + drain_limit;
    }
  }
  const CgroupEvents after = host_.sandbox_cgroups.events(id_);
  result.cancelled = cancelled_;
  result.out_of_disk = out_of_disk_;
  result.out_of_memory =
      thrashed || (!result.status.success() && after.oom_kills > running.before.oom_kills);
  result.out_of_pids = !result.status.success() && after.pids_refused > running.before.pids_refused;
  return result;
}

}  // namespace berth::runtime
