// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/seccomp.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <initializer_list>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace berth::runtime {

namespace {

constexpr const char* allowed[] = {
    "accept", "accept4", "access", "adjtimex", "alarm", "arch_prctl", "bind", "brk", "cachestat",
    "capget", "capset", "chdir", "chmod", "chown", "chroot", "clock_adjtime", "clock_getres",
    "clock_gettime", "clock_nanosleep", "close", "close_range", "connect", "copy_file_range",
    "creat", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "execve", "execveat", "exit",
    "exit_group", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr",
    "flistxattr", "flock", "fork", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync",
    "ftruncate", "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "futimesat",
    "get_mempolicy", "get_robust_list", "get_thread_area", "getcpu", "getcwd", "getdents",
    "getdents64", "getegid", "geteuid", "getgid", "getgroups", "getitimer", "getpeername",
    "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getsid", "getsockname", "getsockopt", "gettid",
    "gettimeofday", "getuid", "getxattr", "getxattrat", "inotify_add_watch", "inotify_init",
    "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_setup",
    "io_submit", "ioctl", "ioprio_get", "ioprio_set", "kill", "landlock_add_rule",
    "landlock_create_ruleset", "landlock_restrict_self", "lchown", "lgetxattr", "link", "linkat",
    "listen", "listxattr", "listxattrat", "llistxattr", "lremovexattr", "lseek", "lsetxattr",
    "lstat", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create", "memfd_secret",
    "mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock", "mlock2", "mlockall", "mmap",
    "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend",
    "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync", "munlock",
    "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat", "open", "openat",
    "openat2", "pause", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc",
    "pkey_free", "pkey_mprotect", "poll", "ppoll", "prctl", "pread64", "preadv", "preadv2",
    "prlimit64", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "recvfrom", "recvmmsg", "recvmsg", "removexattr", "removexattrat",
    "rename", "renameat", "renameat2", "restart_syscall", "rmdir", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "seccomp", "select", "semctl", "semget", "semop",
    "semtimedop", "sendfile", "sendmmsg", "sendmsg", "sendto", "set_mempolicy",
    "set_mempolicy_home_node", "set_robust_list", "set_thread_area", "set_tid_address",
    "setfsgid", "setfsuid", "setgid", "setgroups", "setitimer", "setpgid", "setpriority",
    "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setsockopt",
    "setuid", "setxattr", "setxattrat", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
    "sigaltstack", "signalfd", "signalfd4", "socketpair", "splice", "stat", "statfs", "statx",
    "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "sysinfo", "tee", "tgkill",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
    "timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "tkill", "truncate", "umask",
    "uname", "unlink", "unlinkat", "utime", "utimensat", "utimes", "vfork", "wait4", "waitid",
    "write", "writev",
};

/// Known and refused as "not permitted". What stands in neither list is "not implemented", so that
/// libraries fall back from a system call that is newer than this list.
constexpr const char* refused[] = {
    "acct", "add_key", "bpf", "clock_settime", "create_module", "delete_module", "fanotify_init",
    "fanotify_mark", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "migrate_pages", "modify_ldt",
    "mount", "mount_setattr", "move_mount", "move_pages", "nfsservctl", "open_by_handle_at",
    "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise",
    "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot",
    "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon",
    "sysfs", "syslog", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup",
    "vmsplice",
};

struct Release {
  void operator()(void* context) const { ::seccomp_release(context); }
};

/// A rule on the first argument of a system call.
struct Rule {
  const char* call;
  int error;  ///< 0: allowed
  scmp_compare compare;
  std::uint64_t value;  ///< to compare with; of SCMP_CMP_MASKED_EQ the mask
  std::uint64_t masked = 0;
};

std::vector<Rule> rules() {
  std::vector<Rule> result;
  // A new thread or process, never a new namespace (CLONE_NEW* are these bits). clone3 hides its
  // flags in memory, which a filter cannot read: it stays "not implemented" and libc uses clone.
  constexpr std::uint64_t namespaces = 0x7E020000;
  result.push_back({"clone", 0, SCMP_CMP_MASKED_EQ, namespaces});
  for (std::uint64_t bit = 1; bit <= namespaces; bit <<= 1)
    if (namespaces & bit) result.push_back({"clone", EPERM, SCMP_CMP_MASKED_EQ, bit, bit});
  for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    result.push_back({"socket", 0, SCMP_CMP_EQ, family});
  result.push_back({"socket", EAFNOSUPPORT, SCMP_CMP_GT, AF_NETLINK});
  for (const std::uint64_t personality : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
    result.push_back({"personality", 0, SCMP_CMP_EQ, personality});
  return result;
}

int add(void* filter, int error_of_call, const char* name,
        std::initializer_list<scmp_arg_cmp> arguments = {}) {
  const int number = ::seccomp_syscall_resolve_name(name);
  // Another architecture's, or newer than this libseccomp: "not implemented" is right for both.
  if (number < 0) return 0;
  const std::uint32_t action =
      error_of_call == 0 ? SCMP_ACT_ALLOW
                         : SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error_of_call));
  return ::seccomp_rule_add_array(filter, action, number, static_cast<unsigned>(arguments.size()),
                                  arguments.begin());
}

Result<std::string> export_filter(void* filter) {
  Fd file(::memfd_create("berth-seccomp", MFD_CLOEXEC));
  if (!file) return system_error("memfd_create");
  if (const int error = ::seccomp_export_bpf(filter, file.get()); error != 0)
    return system_error("export the seccomp filter", -error);
  std::string program;
  ::lseek(file.get(), 0, SEEK_SET);
  std::array<char, 16384> buffer;
  ssize_t count;
  while ((count = ::read(file.get(), buffer.data(), buffer.size())) > 0)
    program.append(buffer.data(), static_cast<std::size_t>(count));
  if (count < 0) return system_error("read the seccomp filter");
  return program;
}

}  // namespace

Result<std::string> compile_seccomp_filter() {
  const std::unique_ptr<void, Release> filter(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!filter) return Error{ErrorKind::internal, "libseccomp cannot start a filter"};
  // A balanced tree instead of 350 comparisons one after the other for the last system call.
  int error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const char* name : allowed)
    if (error == 0) error = add(filter.get(), 0, name);
  for (const char* name : refused)
    if (error == 0) error = add(filter.get(), EPERM, name);
  for (const Rule& rule : rules())
    if (error == 0)
      error = add(filter.get(), rule.error, rule.call,
                  {scmp_arg_cmp{0, rule.compare, rule.value, rule.masked}});
  if (error != 0) return system_error("build the seccomp filter", -error);
  return export_filter(filter.get());
}

namespace {

json::object in_profile(json::array names, int error) {
  json::object result = {{"names", std::move(names)},
                         {"action", error == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO"}};
  if (error != 0) result["errnoRet"] = error;
  return result;
}

template <std::size_t Count>
json::array array_of(const char* const (&names)[Count]) {
  return json::array(std::begin(names), std::end(names));
}

const char* name_of(scmp_compare compare) {
  switch (compare) {
    case SCMP_CMP_MASKED_EQ: return "SCMP_CMP_MASKED_EQ";
    case SCMP_CMP_GT: return "SCMP_CMP_GT";
    default: return "SCMP_CMP_EQ";
  }
}

}  // namespace

json::object seccomp_profile() {
  json::array calls = {in_profile(array_of(allowed), 0), in_profile(array_of(refused), EPERM)};
  for (const Rule& rule : rules()) {
    json::object entry = in_profile({rule.call}, rule.error);
    entry["args"] = json::array{json::object{{"index", 0},
                                             {"value", rule.value},
                                             {"valueTwo", rule.masked},
                                             {"op", name_of(rule.compare)}}};
    calls.push_back(std::move(entry));
  }
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", ENOSYS},
          {"syscalls", std::move(calls)}};
}

}  // namespace berth::runtime
