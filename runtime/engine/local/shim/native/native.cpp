// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/native/native.hpp"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/engine/local/shim/native/inside.hpp"
#include "runtime/engine/local/shim/stage.hpp"

namespace berth::runtime::shim {

namespace {

/// The others follow inside: mount and cgroup once the stage and the groups are there, ipc when
/// there is a user to own its message queues.
constexpr std::uint64_t namespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS;

pid_t clone_process(int& pidfd) {
  clone_args arguments{};
  arguments.flags = namespaces | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

}  // namespace

Result<NativeProcess> start_native(const ShimConf& conf, Fd agent, std::string_view filter) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return system_error("socket pair");
  const Fd go(pair[0]);
  Fd theirs(pair[1]);
  int pidfd = -1;
  NativeProcess process;
  process.pid = clone_process(pidfd);
  if (process.pid < 0) return system_error("create namespaces");
  if (process.pid == 0) become_container(conf, filter, agent.get(), theirs.get());
  process.pidfd = Fd(pidfd);
  theirs.reset();

  const auto prepare = [&]() -> Result<void> {
    BERTH_ASSIGN(Fd users, map_users(process.pid, conf.uid_base));
    BERTH_TRY(build_stage(conf, std::move(users)));
    if (::send(go.get(), "g", 1, MSG_NOSIGNAL) != 1) return system_error("tell the container");
    return {};
  };
  if (auto prepared = prepare(); prepared.has_error()) {
    ::kill(process.pid, SIGKILL);
    ::waitpid(process.pid, nullptr, 0);
    return prepared.error();
  }
  return process;
}

}  // namespace berth::runtime::shim
