// SPDX-License-Identifier: Apache-2.0
#include "server/teardown.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/log.hpp"
#include "base/unix_socket.hpp"
#include "runtime/engine/local/local_engine.hpp"
#include "server/data_directory.hpp"
#include "server/engine_options.hpp"

namespace berth::server {

namespace {

using namespace std::chrono_literals;

constexpr auto router_patience = 35s;  ///< it drains what it has in flight

/// SIGTERM to the process that listens on the router's control socket, and its end.
Result<void> end_router(const platform::Config& config) {
  const auto connection = connect_unix(config.data_dir / "run" / "router.sock");
  if (connection.has_error()) return {};
  BERTH_ASSIGN(const pid_t pid, peer_pid(connection->get()));
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return system_error("find the router");
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, nullptr, 0) != 0)
    return system_error("stop the router");
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(router_patience).count())) != 1)
    return Error{ErrorKind::timeout,
                 "the router (process " + std::to_string(pid) + ") does not end"};
  return {};
}

/// Stops every replica and waits for the last.
Result<void> end_replicas(runtime::Engine& engine, std::chrono::milliseconds grace) {
  std::mutex mutex;
  std::condition_variable changed;
  BERTH_TRY(engine.open([&](const runtime::ReplicaStatus&) {
    const std::lock_guard guard(mutex);
    changed.notify_all();
  }));
  const auto all_ended = [&] {
    return std::ranges::all_of(engine.list(), [](const runtime::ReplicaStatus& status) {
      return status.state == runtime::ReplicaState::exited;
    });
  };
  for (const auto& status : engine.list()) BERTH_TRY(engine.stop(status.spec.id, grace));
  std::unique_lock lock(mutex);
  if (!changed.wait_for(lock, grace + 10s, all_ended))
    return Error{ErrorKind::timeout, "some replicas do not end; their shims are still running"};
  lock.unlock();
  for (const auto& status : engine.list()) engine.remove(status.spec.id);
  return {};
}

}  // namespace

Result<void> tear_down(const platform::Config& config) {
  if (::geteuid() != 0) return Error{ErrorKind::forbidden, "berth teardown must run as root"};
  BERTH_ASSIGN(const DataDirectory lock, DataDirectory::open(config.data_dir));
  BERTH_ASSIGN(const auto program, program_path());
  BERTH_TRY(end_router(config));
  runtime::LocalEngine engine(engine_options(config, program.parent_path()));
  BERTH_TRY(end_replicas(engine, config.runtime.stop_grace));
  return engine.destroy_network();
}

}  // namespace berth::server
