// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/native/inside.hpp"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/container_shape.hpp"
#include "runtime/engine/local/shim/container.hpp"
#include "runtime/engine/local/shim/native/confine.hpp"
#include "runtime/engine/local/shim/native/root.hpp"
#include "runtime/engine/local/shim/user_namespace.hpp"

namespace berth::runtime::shim {

namespace {

constexpr int agent_fd = 3;
constexpr int go_fd = 4;

/// Nothing of the shim's is left open, so that the end of `go` means its end.
Result<void> keep_descriptors(int agent, int go) {
  const int one = ::fcntl(agent, F_DUPFD_CLOEXEC, 10);
  const int other = ::fcntl(go, F_DUPFD_CLOEXEC, 10);
  if (one < 0 || other < 0 || ::dup2(one, agent_fd) < 0 || ::dup2(other, go_fd) < 0)
    return system_error("pass descriptors");
  ::fcntl(go_fd, F_SETFD, FD_CLOEXEC);
  if (::syscall(SYS_close_range, go_fd + 1, ~0U, 0) != 0) return system_error("close descriptors");
  return {};
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<void> write_text(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_error(std::string("write ") + path);
  return {};
}

/// While we are still root of the host, by our number, though with no power over it.
Result<void> join_groups(const ShimConf& conf) {
  if (conf.oom_score_adjust != 0)
    BERTH_TRY(write_text("/proc/self/oom_score_adj", std::to_string(conf.oom_score_adjust)));
  for (const auto& cgroup : conf.cgroups)
    if (!join_cgroup(cgroup)) return system_error("join " + cgroup);
  if (::unshare(CLONE_NEWCGROUP) != 0) return system_error("create cgroup namespace");
  return {};
}

Result<void> become_root_inside() {
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) return system_error("become root");
  if (::unshare(CLONE_NEWIPC) != 0) return system_error("create ipc namespace");
  return {};
}

Result<void> settle(const ShimConf& conf) {
  BERTH_TRY(limit_user_namespace());
  if (::sethostname(conf.hostname.data(), conf.hostname.size()) != 0)
    return system_error("set host name");
  // Keys of whoever started the server are not the container's.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
    return system_error("join a keyring of its own");
  ::setsid();
  ::umask(022);
  return {};
}

Result<void> open_nothing() {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int target : {0, 1, 2})
    if (!null || ::dup2(null.get(), target) < 0) return system_error("open /dev/null");
  return {};
}

Result<void> build(const ShimConf& conf, std::string_view filter, int agent, int go) {
  BERTH_TRY(keep_descriptors(agent, go));
  reset_signals();
  BERTH_TRY(join_groups(conf));
  char byte = 0;
  if (::recv(go_fd, &byte, 1, 0) != 1) ::_exit(1);
  BERTH_TRY(become_root_inside());
  BERTH_TRY(settle(conf));
  BERTH_TRY(build_root(conf));
  BERTH_TRY(open_nothing());
  return confine(conf, filter);
}

}  // namespace

void become_container(const ShimConf& conf, std::string_view filter, int agent, int go) {
  auto built = build(conf, filter, agent, go);
  if (!built.has_error()) {
    char program[] = "berth-init";
    char role[] = "agent";
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char* const argv[] = {program, role, nullptr};
    char* const env[] = {path, nullptr};
    ::execve(agent_program, argv, env);
    built = system_error(std::string("run ") + agent_program);
  }
  (void)send_packet(agent_fd, AgentMessage::failed, built.error().message);
  ::_exit(1);
}

}  // namespace berth::runtime::shim
