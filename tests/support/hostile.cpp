// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace berth::test {

namespace {

using Arguments = std::vector<std::string>;

void attempt(const char* what, long result) {
  std::printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ALLOWED");
}

/// Masked files are there and empty: reading nothing is as good as a refusal.
int open_and_read(const char* path) {
  const int file = ::open(path, O_RDONLY);
  char byte;
  if (file < 0) return -1;
  const ssize_t count = ::read(file, &byte, 1);
  ::close(file);
  if (count == 0) errno = ENODATA;
  return count > 0 ? 0 : -1;
}

/// Namespaces, mounts and other processes.
void other_worlds() {
  attempt("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  attempt("remount", ::mount("", "/proc/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr));
  attempt("umount", ::umount2("/proc/kcore", MNT_DETACH));
  attempt("pivot_root", ::syscall(SYS_pivot_root, "/", "/tmp"));
  attempt("fsopen", ::syscall(SYS_fsopen, "tmpfs", 0));
  attempt("open_tree", ::syscall(SYS_open_tree, -1, "/", 1));
  attempt("move_mount", ::syscall(SYS_move_mount, 0, "", 0, "/", 4));
  attempt("mount_setattr", ::syscall(SYS_mount_setattr, -1, "/", 0, nullptr, 0));
  attempt("chroot", ::chroot("/tmp"));
  for (const auto& [name, flag] : {std::pair{"unshare-user", CLONE_NEWUSER},
                                   std::pair{"unshare-mount", CLONE_NEWNS},
                                   std::pair{"unshare-net", CLONE_NEWNET},
                                   std::pair{"unshare-pid", CLONE_NEWPID}})
    attempt(name, ::unshare(flag));
  attempt("clone", ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
  unsigned long long arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  attempt("clone3", ::syscall(SYS_clone3, arguments, sizeof arguments));
  attempt("setns", ::setns(::open("/proc/1/ns/mnt", O_RDONLY), 0));
  attempt("ptrace", ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr));
  char byte;
  iovec local{&byte, 1};
  iovec remote{&byte, 1};
  attempt("process_vm_readv", ::process_vm_readv(1, &local, 1, &remote, 1, 0));
  attempt("pidfd_getfd", ::syscall(SYS_pidfd_getfd, ::syscall(SYS_pidfd_open, 1, 0), 0, 0));
  attempt("init-memory", ::open("/proc/1/mem", O_RDWR));
  attempt("init-fd", ::open("/proc/1/fd/3", O_RDWR));
}

/// The kernel and the machine.
void the_machine() {
  attempt("keyctl", ::syscall(SYS_keyctl, 0, -1, 0, 0, 0));
  attempt("add_key", ::syscall(SYS_add_key, "user", "x", "y", 1, -3));
  attempt("request_key", ::syscall(SYS_request_key, "user", "x", nullptr, -3));
  bpf_attr attributes{};
  attempt("bpf", ::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
  attempt("perf", ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  attempt("userfaultfd", ::syscall(SYS_userfaultfd, 0));
  attempt("io_uring", ::syscall(SYS_io_uring_setup, 1, nullptr));
  attempt("init_module", ::syscall(SYS_init_module, nullptr, 0, ""));
  attempt("finit_module", ::syscall(SYS_finit_module, 0, "", 0));
  attempt("kexec", ::syscall(SYS_kexec_load, 0, 0, nullptr, 0));
  attempt("reboot", ::reboot(RB_DISABLE_CAD));
  attempt("swapon", ::swapon("/tmp/x", 0));
  attempt("acct", ::syscall(SYS_acct, nullptr));
  attempt("quotactl", ::syscall(SYS_quotactl, 0, nullptr, 0, nullptr));
  attempt("iopl", ::iopl(3));
  attempt("syslog", ::syscall(SYS_syslog, 3, nullptr, 0));
  timespec now{};
  attempt("clock_settime", ::clock_settime(CLOCK_REALTIME, &now));
  attempt("sethostname", ::sethostname("x", 1));
  attempt("open_by_handle", ::syscall(SYS_open_by_handle_at, 0, nullptr, 0));
  attempt("fanotify", ::syscall(SYS_fanotify_init, 0, 0));
  attempt("setuid", ::setuid(0));
}

/// Devices, control groups, files of the kernel.
void files_of_the_kernel() {
  attempt("mknod-disk", ::mknod("/tmp/disk", S_IFBLK | 0600, ::makedev(8, 0)));
  attempt("mknod-memory", ::mknod("/tmp/mem", S_IFCHR | 0600, ::makedev(1, 1)));
  for (const char* path : {"/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/kvm", "/dev/net/tun",
                           "/dev/vda", "/dev/sda", "/dev/console"})
    attempt(path, ::open(path, O_RDONLY));
  for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug",
                           "/proc/interrupts", "/sys/firmware/dmi/tables/DMI"})
    attempt(path, open_and_read(path));
  const bool v2 = ::access("/sys/fs/cgroup/memory.max", F_OK) == 0;
  attempt("cgroup", ::mkdir(v2 ? "/sys/fs/cgroup/x" : "/sys/fs/cgroup/memory/x", 0755));
  attempt("limit", ::open(v2 ? "/sys/fs/cgroup/memory.max"
                             : "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                          O_WRONLY));
  attempt("release-agent", ::open(v2 ? "/sys/fs/cgroup/cgroup.procs"
                                     : "/sys/fs/cgroup/memory/release_agent",
                                  O_WRONLY));
  attempt("init-program", ::open("/dev/berth-init", O_WRONLY));
  attempt("own-runtime", ::open("/proc/1/exe", O_WRONLY));
  attempt("etc", ::open("/etc/hosts", O_WRONLY));
}

/// Asks the kernel to change the container's network.
long change_network(unsigned short type, const void* body, unsigned length) {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) return -1;
  char request[128] = {};
  auto* head = reinterpret_cast<nlmsghdr*>(request);
  head->nlmsg_len = NLMSG_LENGTH(length);
  head->nlmsg_type = type;
  head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  std::memcpy(NLMSG_DATA(head), body, length);
  char answer[1024];
  (void)!::send(socket, request, head->nlmsg_len, 0);
  const ssize_t count = ::recv(socket, answer, sizeof answer, 0);
  ::close(socket);
  const auto* reply = reinterpret_cast<const nlmsghdr*>(answer);
  if (count < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))) ||
      reply->nlmsg_type != NLMSG_ERROR)
    return 0;
  errno = -static_cast<const nlmsgerr*>(NLMSG_DATA(reply))->error;
  return errno == 0 ? 0 : -1;
}

void sockets() {
  attempt("packet", ::socket(AF_PACKET, SOCK_RAW, 0));
  attempt("raw", ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  attempt("raw6", ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
  attempt("vsock", ::socket(AF_VSOCK, SOCK_STREAM, 0));
  attempt("alg", ::socket(AF_ALG, SOCK_SEQPACKET, 0));
  attempt("key", ::socket(AF_KEY, SOCK_RAW, 2));
  attempt("bluetooth", ::socket(AF_BLUETOOTH, SOCK_RAW, 1));
  ifinfomsg link{};
  link.ifi_index = 2;
  link.ifi_change = IFF_UP;
  attempt("netlink-link-down", change_network(RTM_NEWLINK, &link, sizeof link));
  attempt("netlink-link-delete", change_network(RTM_DELLINK, &link, sizeof link));
  ifaddrmsg address{};
  address.ifa_family = AF_INET;
  address.ifa_prefixlen = 32;
  address.ifa_index = 2;
  attempt("netlink-address", change_network(RTM_NEWADDR, &address, sizeof address));
  ifaddrmsg address6 = address;
  address6.ifa_family = AF_INET6;
  address6.ifa_prefixlen = 128;
  attempt("netlink-address6", change_network(RTM_NEWADDR, &address6, sizeof address6));
  ndmsg neighbour{};
  neighbour.ndm_family = AF_INET6;
  neighbour.ndm_ifindex = 2;
  attempt("netlink-neighbour6", change_network(RTM_NEWNEIGH, &neighbour, sizeof neighbour));
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_table = RT_TABLE_MAIN;
  attempt("netlink-route", change_network(RTM_DELROUTE, &route, sizeof route));
  const int mark = 7;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  attempt("mark", ::setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  attempt("device", ::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &mark, sizeof mark));
}

int forbidden() {
  other_worlds();
  the_machine();
  files_of_the_kernel();
  sockets();
  std::printf("done\n");
  std::fflush(stdout);
  // Success means nothing: the kernel drops what would kill the first process of a namespace, and
  // gVisor ends the container, which is the program's own.
  (void)::kill(1, SIGKILL);
  return 0;
}

/// writable DIRECTORY…: each file below that can be opened for writing.
void find_writable(const std::string& directory, int depth) {
  DIR* open = ::opendir(directory.c_str());
  if (!open || depth > 12) return;
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || entry->d_type == DT_LNK) continue;
    // Its own processes are the application's.
    if (directory == "/proc" && name.find_first_not_of("0123456789") == std::string::npos) continue;
    const std::string path = directory + "/" + name;
    if (entry->d_type == DT_DIR) {
      find_writable(path, depth + 1);
    } else if (const int file = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
               file >= 0) {
      // What is masked is /dev/null, which takes everything.
      struct stat status{};
      if (::fstat(file, &status) == 0 && status.st_rdev != ::makedev(1, 3))
        std::printf("writable %s\n", path.c_str());
      ::close(file);
    }
  }
  ::closedir(open);
}

/// server PATH: the control plane's socket, by where it lies on the host.
int unix_socket(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
  const int peer = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  attempt("unix", ::connect(peer, reinterpret_cast<sockaddr*>(&to), sizeof to));
  return 0;
}

/// signal PID: of the host. signal-all: everything that can be seen but ourselves.
int send_signal(pid_t pid) {
  attempt("signal", ::kill(pid, SIGKILL));
  return 0;
}

/// Pushes keys into its own terminal, as if somebody had typed them: 7 if that is refused, 8 if it
/// is itself who reads them.
int push_key() {
  for (const char* key : {"!", "\n"})
    if (::ioctl(0, TIOCSTI, key) != 0) return 7;
  char byte = 0;
  return ::read(0, &byte, 1) == 1 && byte == '!' ? 8 : 9;
}

// Bombs: each prints what it was granted.

int inode_bomb(const std::string& directory, int count) {
  int made = 0;
  for (; made < count; ++made) {
    const std::string folder = directory + "/" + std::to_string(made / 1000);
    if (made % 1000 == 0 && ::mkdir(folder.c_str(), 0755) != 0) break;
    const int file = ::open((folder + "/" + std::to_string(made)).c_str(),
                            O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) break;
    ::close(file);
  }
  std::printf("made %d %s\n", made, made < count ? strerrorname_np(errno) : "ALL");
  std::fflush(stdout);
  for (;;) ::pause();
}

int descriptor_bomb() {
  int made = 0;
  while (::open("/dev/null", O_RDONLY) >= 0) ++made;
  const int error = errno;
  std::printf("opened %d %s\n", made, strerrorname_np(error));
  std::fflush(stdout);
  for (;;) ::pause();
}

int watcher_bomb() {
  int made = 0;
  while (::inotify_init1(IN_CLOEXEC) >= 0) ++made;
  std::printf("watchers %d %s\n", made, strerrorname_np(errno));
  std::fflush(stdout);
  for (;;) ::pause();
}

int terminal_bomb() {
  int made = 0;
  while (::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0) ++made;
  std::printf("terminals %d %s\n", made, strerrorname_np(errno));
  std::fflush(stdout);
  for (;;) ::pause();
}

/// Sends itself signals that wait.
int signal_bomb() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  int made = 0;
  while (::sigqueue(::getpid(), SIGRTMIN, {}) == 0) ++made;
  std::printf("signals %d %s\n", made, strerrorname_np(errno));
  std::fflush(stdout);
  for (;;) ::pause();
}

int fork_bomb() {
  // Every child forks again; nobody gives up.
  for (;;)
    if (::fork() < 0) ::sched_yield();
}

int log_flood() {
  const std::string line(9'999, 'x');
  for (;;)
    if (std::puts(line.c_str()) < 0) return 1;
}

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

/// Opens connections there as long as that works.
int connection_bomb(const std::string& host, int port) {
  const sockaddr_in to = address_of(host, port);
  int made = 0;
  while (::connect(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                   reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
    ++made;
  std::printf("connected %d %s\n", made, strerrorname_np(errno));
  std::fflush(stdout);
  for (;;) ::pause();
}

/// A socket of its own on loopback, and where it is.
int loopback_socket(int type, sockaddr_in& at) {
  const int made = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ::bind(made, reinterpret_cast<sockaddr*>(&at), sizeof at);
  ::getsockname(made, reinterpret_cast<sockaddr*>(&at), &size);
  return made;
}

/// The kernel's memory for what it has not sent and what was not read from it.
std::uint32_t held_by(int socket) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  ::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
  return info[SK_MEMINFO_RMEM_ALLOC] + info[SK_MEMINFO_WMEM_QUEUED];
}

/// Sends to itself what it does not read, by 400 connections or 3000 sockets of datagrams.
int socket_bomb(bool datagrams) {
  static char block[40'000];
  unsigned long long held = 0;
  sockaddr_in at;
  const int listener = loopback_socket(SOCK_STREAM, at);
  ::listen(listener, 16);
  for (int i = 0; i < (datagrams ? 3000 : 400); ++i) {
    const int sender = datagrams ? loopback_socket(SOCK_DGRAM, at)
                                 : ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(sender, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) break;
    const int receiver = datagrams ? sender : ::accept(listener, nullptr, nullptr);
    // Datagrams to a full receiver are dropped in silence.
    for (int sent = 0; sent < (datagrams ? 5 : 10'000); ++sent)
      if (::send(sender, block, sizeof block, MSG_DONTWAIT) < 0) break;
    held += held_by(receiver) + (datagrams ? 0 : held_by(sender));
  }
  std::printf("held %llu MB\n", held >> 20);
  std::fflush(stdout);
  for (;;) ::pause();
}

/// Sends to 300 addresses behind its own, and prints for how many of them the kernel looks, or
/// knows where they are.
int neighbour_bomb(const std::string& first) {
  sockaddr_in to = address_of(first, 9);
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < 300; ++i) {
    to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + 1);
    (void)::sendto(socket, "", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  std::FILE* const table = std::fopen("/proc/net/arp", "re");
  int lines = -1;  // its heading
  for (int byte; table && (byte = std::fgetc(table)) != EOF;) lines += byte == '\n' ? 1 : 0;
  std::printf("neighbours %d\n", lines);
  return 0;
}

/// Asks a name server without a pause, and counts its answers each second.
int question_flood(const std::string& host) {
  const sockaddr_in to = address_of(host, 53);
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  // Of "web.internal": an address.
  const std::string question("\x12\x34\x01\0\0\1\0\0\0\0\0\0\3web\x08internal\0\0\1\0\1", 30);
  int asked = 0;
  int answered = 0;
  for (time_t second = ::time(nullptr);;) {
    if (::send(socket, question.data(), question.size(), MSG_DONTWAIT) > 0) ++asked;
    char answer[512];
    while (::recv(socket, answer, sizeof answer, MSG_DONTWAIT) > 0) ++answered;
    if (const time_t now = ::time(nullptr); now != second) {
      std::printf("asked %d answered %d\n", asked, answered);
      std::fflush(stdout);
      asked = answered = 0;
      second = now;
    }
  }
}

}  // namespace

std::optional<int> hostile(const std::string& verb, const Arguments& arguments) {
  const auto word = [&](std::size_t index) {
    return index < arguments.size() ? arguments[index] : std::string();
  };
  if (verb == "forbidden") return forbidden();
  if (verb == "writable") {
    for (const std::string& directory : arguments) find_writable(directory, 0);
    std::printf("done\n");
    return 0;
  }
  if (verb == "server") return unix_socket(word(0));
  if (verb == "signal") return send_signal(std::atoi(word(0).c_str()));
  if (verb == "signal-all") return send_signal(-1);
  if (verb == "push-key") return push_key();
  if (verb == "inode-bomb") return inode_bomb(word(0), std::atoi(word(1).c_str()));
  if (verb == "descriptor-bomb") return descriptor_bomb();
  if (verb == "watcher-bomb") return watcher_bomb();
  if (verb == "terminal-bomb") return terminal_bomb();
  if (verb == "signal-bomb") return signal_bomb();
  if (verb == "fork-bomb") return fork_bomb();
  if (verb == "log-flood") return log_flood();
  if (verb == "connection-bomb") return connection_bomb(word(0), std::atoi(word(1).c_str()));
  if (verb == "socket-bomb") return socket_bomb(word(0) == "datagrams");
  if (verb == "neighbour-bomb") return neighbour_bomb(word(0));
  if (verb == "question-flood") return question_flood(word(0));
  if (verb == "who") {
    std::printf("effective %d\n", static_cast<int>(::geteuid()));
    return 0;
  }
  return std::nullopt;
}

}  // namespace berth::test
