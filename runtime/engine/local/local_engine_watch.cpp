// SPDX-License-Identifier: Apache-2.0
//
// The engine's thread: shims' reports, readiness, and what an earlier process left.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unix_socket.hpp"
#include "runtime/engine/local/local_engine.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds longest_look{50};
constexpr int connect_limit_ms = 200;
constexpr std::chrono::seconds answer_limit{5};  ///< for a shim to say that it is there
constexpr std::string_view ready_file = "ready.json";

/// Whether somebody accepts connections there. The listening socket was seen, so the answer comes
/// at once unless the process is stuck.
bool accepts(const Endpoint& endpoint) {
  const auto port = htons(static_cast<std::uint16_t>(endpoint.port));
  sockaddr_in ipv4{.sin_family = AF_INET, .sin_port = port, .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 ipv6{.sin6_family = AF_INET6,
                    .sin6_port = port,
                    .sin6_flowinfo = 0,
                    .sin6_addr = {},
                    .sin6_scope_id = 0};
  const bool is_v4 = ::inet_pton(AF_INET, endpoint.address.c_str(), &ipv4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, endpoint.address.c_str(), &ipv6.sin6_addr) != 1) return false;
  const Fd socket(
      ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return false;
  const auto* to = is_v4 ? reinterpret_cast<const sockaddr*>(&ipv4)
                         : reinterpret_cast<const sockaddr*>(&ipv6);
  if (::connect(socket.get(), to, is_v4 ? sizeof ipv4 : sizeof ipv6) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd entry{socket.get(), POLLOUT, 0};
  if (::poll(&entry, 1, connect_limit_ms) <= 0) return false;
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

/// What the shim wrote before it went, or nothing: then nobody knows how the replica ended.
ShimReport read_exit_file(const fs::path& directory) {
  ShimReport report{.kind = ShimReport::Kind::gone, .at = now()};
  const auto text = read_file(directory / "exit.json");
  if (text.has_error()) return report;
  const auto object = parse_json_object(*text);
  if (object.has_error()) return report;
  report.message = optional_string(*object, "failure").value_or("");
  report.kind = report.message.empty() ? ShimReport::Kind::exited : ShimReport::Kind::failed;
  report.code = static_cast<int>(optional_int(*object, "code").value_or(0));
  report.signal = static_cast<int>(optional_int(*object, "signal").value_or(0));
  report.oom_kills = static_cast<std::uint64_t>(optional_int(*object, "oom_kills").value_or(0));
  report.forced = optional_bool(*object, "forced").value_or(false);
  report.at = Time(std::chrono::microseconds(optional_int(*object, "ended_us").value_or(0)));
  return report;
}

}  // namespace

Result<void> LocalEngine::open(EngineListener listener) {
  listener_ = std::move(listener);
  for (const char* name : {"replicas", "sandboxes", "volumes"})
    BERTH_TRY(make_directories(options_.data_dir / name));
  volumes_.thaw_all();
  adopt_all();
  std::vector<NetworkMember> members;
  for (const auto& [id, replica] : replicas_)
    if (replica.shim) members.push_back(replica.member);
  BERTH_ASSIGN(host_, ContainerHost::open(options_, members, egress_));
  sweep();
  for (const auto& [id, replica] : replicas_)
    if (replica.shim) {
      replica.shim->send("go");  // it may be that nobody has said so yet
      if (replica.status.frozen_at != Time{})
        if (auto frozen = host_->cgroups.freeze(id.value); frozen.has_error())
          log_warning("{}", frozen.error().message);
      watch_disk(replica);
      name(replica);
    }
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return system_error("eventfd");
  thread_ = std::thread([this] { run(); });
  return {};
}

void LocalEngine::adopt_all() {
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(options_.data_dir / "replicas", failure)) {
    auto replica = adopt(entry.path());
    if (replica.has_error()) {
      log_warning("removing the remains of replica {}: {}", entry.path().filename().string(),
                  replica.error().message);
      (void)remove_tree(entry.path());
      continue;
    }
    const ReplicaId id = replica->status.spec.id;
    pending_.push_back(replica->status);
    replicas_.emplace(id, std::move(*replica));
  }
}

Result<LocalEngine::Replica> LocalEngine::adopt(const fs::path& at) {
  BERTH_ASSIGN(const std::string text, read_file(at / "replica.json"));
  BERTH_ASSIGN(ReplicaNote note, parse_replica_note(text));
  Replica replica;
  if (auto socket = connect_unix(at / "shim.sock"); !socket.has_error()) {
    replica.shim = std::make_unique<ShimLink>(std::move(*socket));
    replica.shim->send("status");
    if (replica.shim->wait(answer_limit).kind == ShimReport::Kind::note) {
      const Fd file = replica.shim->take_note();
      // Read by its number: the shim shares the descriptor's position with every engine it had.
      auto whole = read_file("/proc/self/fd/" + std::to_string(file.get()));
      if (!whole.has_error())
        if (auto parsed = parse_replica_note(*whole); !parsed.has_error())
          note = std::move(*parsed);
    } else {
      replica.shim.reset();
    }
  }
  replica.status.spec = std::move(note.spec);
  replica.maker = note.maker;
  replica.member = note.member;
  replica.member.app = app_of(replica.status.spec.uid_base);
  std::vector<ReplicaStatus> ignored;
  if (!replica.shim) {
    on_exited(replica, read_exit_file(at), ignored);
    return replica;
  }
  for (;;) {
    const ShimReport report = replica.shim->poll();
    if (report.kind == ShimReport::Kind::started)
      on_started(replica, report);
    else if (report.kind == ShimReport::Kind::none)
      break;
    else if (report.kind == ShimReport::Kind::listeners)
      continue;  // an earlier server had asked
    else if (report.kind == ShimReport::Kind::gone)
      on_exited(replica, read_exit_file(at), ignored);
    else
      on_exited(replica, report, ignored);
    if (!replica.shim) return replica;
  }
  // Ready once, ready for good: whether it still answers is the router's concern, not a second
  // boot.
  if (const auto ready = read_file(at / ready_file); !ready.has_error())
    if (const auto object = parse_json_object(*ready); !object.has_error()) {
      replica.status.state = ReplicaState::ready;
      replica.status.endpoint = {optional_string(*object, "address").value_or(""),
                                 static_cast<int>(optional_int(*object, "port").value_or(0))};
      replica.status.ready_at =
          Time(std::chrono::microseconds(optional_int(*object, "at_us").value_or(0)));
      replica.status.message = optional_string(*object, "message").value_or("");
    }
  replica.status.frozen_at = frozen_since(at);
  return replica;
}

void LocalEngine::sweep() {
  for (const auto& name : host_->cgroups.list()) {
    const auto found = replicas_.find(ReplicaId(name));
    if (found != replicas_.end() && found->second.shim) continue;
    if (auto removed = host_->cgroups.destroy(name); removed.has_error())
      log_warning("{}", removed.error().message);
  }
  for (const auto& name : host_->sandbox_cgroups.list())
    if (auto removed = host_->sandbox_cgroups.destroy(name); removed.has_error())
      log_warning("{}", removed.error().message);
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(options_.data_dir / "sandboxes", failure))
    (void)remove_tree(entry.path());
}

void LocalEngine::wake() {
  const std::uint64_t one = 1;
  if (wake_) (void)!::write(wake_.get(), &one, sizeof one);
}

// --- the thread --------------------------------------------------------------------------------

void LocalEngine::run() {
  for (;;) {
    std::vector<ReplicaStatus> events;
    std::vector<pollfd> entries;
    int timeout = -1;
    {
      const std::scoped_lock lock(mutex_);
      if (closing_) return;
      events.swap(pending_);
      for (auto& [id, replica] : replicas_) {
        if (replica.shim) read_shim(replica, events);
        if (replica.shim && replica.status.state == ReplicaState::starting) look(replica, events);
      }
      entries.push_back({wake_.get(), POLLIN, 0});
      for (const auto& [id, replica] : replicas_)
        if (replica.shim) entries.push_back({replica.shim->fd(), POLLIN, 0});
      timeout = wait_time();
    }
    for (const auto& event : events) listener_(event);
    if (!events.empty()) continue;  // the listener may have changed something
    ::poll(entries.data(), entries.size(), timeout);
    std::uint64_t count;
    (void)!::read(wake_.get(), &count, sizeof count);
  }
}

int LocalEngine::wait_time() const {
  auto next = Clock::time_point::max();
  for (const auto& [id, replica] : replicas_)
    if (replica.shim && replica.process && replica.status.state == ReplicaState::starting)
      next = std::min(next, replica.next_look);
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void LocalEngine::read_shim(Replica& replica, std::vector<ReplicaStatus>& events) {
  while (replica.shim) {
    const ShimReport report = replica.shim->poll();
    switch (report.kind) {
      case ShimReport::Kind::none:
        return;
      case ShimReport::Kind::note:
        break;
      case ShimReport::Kind::started:
        on_started(replica, report);
        break;
      case ShimReport::Kind::listeners:
        replica.told = listeners_of_text(report.message);
        replica.asked = false;
        replica.next_look = {};
        break;
      case ShimReport::Kind::exited:
      case ShimReport::Kind::failed:
        on_exited(replica, report, events);
        break;
      case ShimReport::Kind::gone:
        on_exited(replica, read_exit_file(directory(replica.status.spec.id)), events);
        break;
    }
  }
}

void LocalEngine::on_started(Replica& replica, const ShimReport& report) {
  const ReplicaSpec& spec = replica.status.spec;
  replica.status.started_at = report.at;
  const std::string path = "/proc/" + std::to_string(report.pid);
  replica.process = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  replica.readiness = Readiness(spec.port, spec.boot_timeout);
  replica.next_look = Clock::now();
}

void LocalEngine::on_exited(Replica& replica, const ShimReport& report,
                            std::vector<ReplicaStatus>& events) {
  ReplicaStatus& status = replica.status;
  status.state = ReplicaState::exited;
  status.exited_at = report.at.time_since_epoch().count() != 0 ? report.at : now();
  status.exit_code = report.code;
  status.exit_signal = report.signal;
  status.message.clear();
  if (report.kind == ShimReport::Kind::gone) {
    status.reason = ExitReason::lost;
    status.message = "its keeper (berth-shim) was killed, and the replica with it";
  } else if (report.kind == ShimReport::Kind::failed) {
    status.reason = ExitReason::start_failed;
    status.message = report.message;
  } else if (replica.forced_reason != ExitReason::none) {
    status.reason = replica.forced_reason;
    status.message = replica.forced_message;
  } else if (report.oom_kills > 0 && !status.stopping && (report.signal != 0 || report.code != 0)) {
    status.reason = ExitReason::out_of_memory;
    status.message = "Error R15 (Memory quota vastly exceeded): needed more than its limit of " +
                     std::to_string(status.spec.limits.memory_bytes >> 20) + " MB";
  } else {
    status.reason = ExitReason::exited;
    if (report.forced)
      status.message = "Error R12 (Exit timeout): did not end in time after SIGTERM and was killed";
  }
  replica.shim.reset();
  replica.process.reset();
  events.push_back(status);
  if (!host_) return;  // while adopting
  if (auto* names = host_->network->names()) names->leave(replica.member.address);
  host_->network->leave(replica.member);
  replica.left = std::exchange(replica.member, {});
  // A shim that was killed has left its cgroup; for the others this finds nothing.
  if (report.kind == ShimReport::Kind::gone) (void)host_->cgroups.destroy(status.spec.id.value);
}

void LocalEngine::look(Replica& replica, std::vector<ReplicaStatus>& events) {
  const ReplicaSpec& spec = replica.status.spec;
  if (!replica.process || replica.forced_reason != ExitReason::none) return;
  if (spec.port == 0)
    return become_ready(replica, {ipv4_text(replica.member.address), 0}, {}, events);
  if (Clock::now() < replica.next_look) return;
  replica.next_look = Clock::now() + replica.look_interval;
  replica.look_interval = std::min(longest_look, replica.look_interval * 5 / 4);

  const auto age =
      std::chrono::duration_cast<std::chrono::milliseconds>(now() - replica.status.started_at);
  const bool ask = replica.maker == Maker::runsc;
  const ReadinessVerdict verdict =
      replica.readiness.look(ask ? replica.told : listeners_of(replica.process), age);
  if (ask && !std::exchange(replica.asked, true)) replica.shim->send("listeners");
  switch (verdict.kind) {
    case ReadinessVerdict::Kind::wait:
      return;
    case ReadinessVerdict::Kind::ready: {
      const Endpoint endpoint{ipv4_text(replica.member.address), verdict.port};
      if (accepts(endpoint)) return become_ready(replica, endpoint, verdict.message, events);
      // It may listen by IPv6 alone.
      if (replica.member.address6)
        if (const Endpoint other{replica.member.address6->text(), verdict.port}; accepts(other))
          return become_ready(replica, other, verdict.message, events);
      if (age < spec.boot_timeout) return;
      return force_end(replica, ExitReason::boot_timeout,
                       "Error R10 (Boot timeout): listens on port " +
                           std::to_string(verdict.port) + " but accepts no connection");
    }
    case ReadinessVerdict::Kind::loopback_only:
      return force_end(replica, ExitReason::loopback_only, verdict.message);
    case ReadinessVerdict::Kind::boot_timeout:
      return force_end(replica, ExitReason::boot_timeout, verdict.message);
  }
}

void LocalEngine::become_ready(Replica& replica, Endpoint endpoint, std::string message,
                               std::vector<ReplicaStatus>& events) {
  ReplicaStatus& status = replica.status;
  status.state = ReplicaState::ready;
  status.endpoint = std::move(endpoint);
  status.ready_at = now();
  status.message = std::move(message);
  const json::object note = {{"address", status.endpoint.address},
                             {"port", status.endpoint.port},
                             {"at_us", status.ready_at.time_since_epoch().count()},
                             {"message", status.message}};
  (void)write_file(directory(status.spec.id) / ready_file, to_text(note), 0600);
  name(replica);
  events.push_back(status);
}

/// Its name inside the app leads to it while it is ready; it may ask for others from the beginning.
void LocalEngine::name(const Replica& replica) {
  auto* names = host_->network->names();
  if (!names || replica.member.address == 0) return;
  const ReplicaStatus& status = replica.status;
  names->join(replica.member.address, replica.member.app, status.spec.process_type);
  if (replica.process && replica.member.address6)
    names->set_ipv6(replica.member.address, *replica.member.address6, replica.process);
  names->set_serving(replica.member.address,
                     status.state == ReplicaState::ready && !status.stopping &&
                         status.frozen_at == Time{});
}

void LocalEngine::force_end(Replica& replica, ExitReason reason, std::string message) {
  replica.forced_reason = reason;
  replica.forced_message = std::move(message);
  replica.shim->send("stop 0");
}

}  // namespace berth::runtime
