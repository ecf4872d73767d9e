// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/native/confine.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "runtime/engine/local/container_shape.hpp"

namespace berth::runtime::shim {

namespace {

Result<void> limit(__rlimit_resource resource, std::uint64_t value, const char* name) {
  const rlimit both{value, value};
  if (::setrlimit(resource, &both) != 0) return system_error(std::string("set ") + name);
  return {};
}

/// The bounding set is what root of the image has after execve; any other user has nothing then.
Result<void> bound_capabilities(std::uint64_t kept) {
  for (int number = 0; number < 64; ++number) {
    if (kept >> number & 1) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // no such capability, and none above
    return system_error("drop a capability");
  }
  return {};
}

Result<void> set_capabilities(std::uint64_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  for (unsigned i = 0; i < 2; ++i)
    data[i].effective = data[i].permitted = static_cast<std::uint32_t>(kept >> (32 * i));
  if (::syscall(SYS_capset, &header, data) != 0) return system_error("set capabilities");
  return {};
}

Result<void> become_user(const ShimConf& conf) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(conf.gid, conf.gid, conf.gid) != 0 ||
      ::setresuid(conf.uid, conf.uid, conf.uid) != 0)
    return system_error("become user " + std::to_string(conf.uid));
  return {};
}

}  // namespace

Result<void> load_filter(std::string_view filter) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("give up privileges");
  if (filter.empty() || filter.size() % sizeof(sock_filter) != 0)
    return Error{ErrorKind::internal, "the system call filter is damaged"};
  const sock_fprog program{
      static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
      const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(filter.data()))};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return system_error("load the system call filter");
  return {};
}

Result<void> confine(const ShimConf& conf, std::string_view filter) {
  BERTH_TRY(limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  BERTH_TRY(limit(RLIMIT_NOFILE, conf.open_files, "RLIMIT_NOFILE"));
  BERTH_TRY(limit(RLIMIT_SIGPENDING, pending_signals, "RLIMIT_SIGPENDING"));
  BERTH_TRY(bound_capabilities(conf.capabilities));
  BERTH_TRY(become_user(conf));
  // Of a user that is not root the change has taken all; of root it has taken nothing.
  BERTH_TRY(set_capabilities(conf.uid == 0 ? conf.capabilities : 0));
  return load_filter(filter);
}

}  // namespace berth::runtime::shim
