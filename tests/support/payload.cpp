// SPDX-License-Identifier: Apache-2.0
//
// The program that tests run inside containers: static, so that it is a whole root file system by
// itself. `payload VERB [ARGUMENT…]`; each verb does one thing that an application might do.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/hostile.hpp"

namespace {

using Arguments = std::vector<std::string>;

int number(const Arguments& arguments, std::size_t index, int otherwise) {
  return index < arguments.size() ? std::atoi(arguments[index].c_str()) : otherwise;
}

/// Of either family.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_in);
  Address(const std::string& host, int port) {
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
    auto& ipv6 = reinterpret_cast<sockaddr_in6&>(storage);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = ipv6.sin6_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1) return;
    ipv6.sin6_family = AF_INET6;
    length = sizeof ipv6;
    ::inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr);
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

/// serve [ADDRESS] [PORT]: answers every connection with one HTTP response that names us. An IPv6
/// address is of IPv6 alone.
int serve(const Arguments& arguments) {
  const std::string address = arguments.empty() ? "0.0.0.0" : arguments[0];
  const char* port = std::getenv("PORT");
  const Address at(address, number(arguments, 1, port ? std::atoi(port) : 8080));
  const int listener = ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(listener, at.get(), at.length) != 0 || ::listen(listener, 64) != 0) {
    std::perror("listen");
    return 1;
  }
  std::printf("listening\n");
  std::fflush(stdout);
  for (;;) {
    const int peer = ::accept(listener, nullptr, nullptr);
    if (peer < 0) continue;
    char request[4096];
    const ssize_t got = ::read(peer, request, sizeof request);
    const char* name = std::getenv("NAME");
    const std::string body = std::string("hello from ") + (name ? name : "payload") + "\n";
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                               "\r\nConnection: close\r\n\r\n" + body;
    if (got > 0) (void)!::write(peer, answer.data(), answer.size());
    ::close(peer);
  }
}

void sleep_ms(int ms) { ::poll(nullptr, 0, ms); }

/// lines COUNT [PAUSE_MS]: numbered lines on standard output.
int lines(const Arguments& arguments) {
  const int count = number(arguments, 0, 10);
  const int pause = number(arguments, 1, 0);
  for (int i = 1; i <= count; ++i) {
    std::printf("line %d\n", i);
    if (pause > 0) {
      std::fflush(stdout);
      sleep_ms(pause);
    }
  }
  return 0;
}

volatile sig_atomic_t terminated = 0;

/// wait-term CODE: ends with CODE when SIGTERM comes. ignore-term: does not end for it.
int wait_term(const Arguments& arguments) {
  struct sigaction action{};
  action.sa_handler = [](int) { terminated = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  std::printf("waiting\n");
  std::fflush(stdout);
  while (!terminated) sleep_ms(1000);
  std::printf("terminated\n");
  return number(arguments, 0, 0);
}

int ignore_term() {
  ::signal(SIGTERM, SIG_IGN);
  std::printf("waiting\n");
  std::fflush(stdout);
  for (;;) sleep_ms(1000);
}

/// sleep-tree: a child of a child sleeps in a session of its own; we just sleep, without a handler.
int sleep_tree() {
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0)
      for (;;) ::pause();
    ::_exit(0);
  }
  std::printf("waiting\n");
  std::fflush(stdout);
  for (;;) ::pause();
}

int eat_memory(const Arguments& arguments) {
  const std::size_t megabytes = static_cast<std::size_t>(number(arguments, 0, 1024));
  std::vector<std::string> blocks;
  for (std::size_t i = 0; i < megabytes; ++i) blocks.emplace_back(1 << 20, 'm');
  std::printf("ate %zu MB\n", blocks.size());
  return 0;
}

/// forks COUNT: that many sleeping children; prints how many were granted. Ends with 3 if refused.
int forks(const Arguments& arguments) {
  const int count = number(arguments, 0, 1000);
  int made = 0;
  for (; made < count; ++made) {
    const pid_t child = ::fork();
    if (child < 0) break;
    if (child == 0)
      for (;;) ::pause();
  }
  std::printf("forked %d\n", made);
  std::fflush(stdout);
  return made == count ? 0 : 3;
}

/// write-disk PATH MEGABYTES: and then waits.
int write_disk(const Arguments& arguments) {
  const int file = ::open(arguments.at(0).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::string block(1 << 20, 'd');
  for (int i = 0; i < number(arguments, 1, 1); ++i)
    if (::write(file, block.data(), block.size()) < 0) {
      std::perror("write");
      return 4;
    }
  ::fsync(file);
  std::printf("written\n");
  std::fflush(stdout);
  for (;;) ::pause();
}

int echo() {
  char buffer[4096];
  ssize_t count;
  while ((count = ::read(0, buffer, sizeof buffer)) > 0)
    (void)!::write(1, buffer, static_cast<std::size_t>(count));
  return 0;
}

int terminal(const Arguments& arguments) {
  winsize size{};
  const auto show = [&size] {
    ::ioctl(0, TIOCGWINSZ, &size);
    std::printf("size %dx%d\n", size.ws_col, size.ws_row);
    std::fflush(stdout);
  };
  std::printf("tty %s\n", ::isatty(0) && ::isatty(1) ? ::ttyname(0) : "no");
  show();
  struct sigaction action{};
  action.sa_handler = [](int) { terminated = 1; };
  ::sigaction(SIGWINCH, &action, nullptr);
  char line[256];
  for (;;) {
    if (std::fgets(line, sizeof line, stdin)) {
      if (std::string(line) == "quit\n") return number(arguments, 0, 0);
      std::printf("got %s", line);
      std::fflush(stdout);
    } else if (!terminated) {
      return 9;
    }
    if (terminated) {
      terminated = 0;
      std::clearerr(stdin);
      show();
    }
  }
}

void print_file(const char* path, const char* prefix) {
  std::FILE* file = std::fopen(path, "r");
  if (!file) return;
  char line[512];
  while (std::fgets(line, sizeof line, file))
    if (std::strncmp(line, prefix, std::strlen(prefix)) == 0) std::fputs(line, stdout);
  std::fclose(file);
}

int identity() {
  std::printf("uid %d gid %d\n", static_cast<int>(::getuid()), static_cast<int>(::getgid()));
  for (const char* field : {"CapEff:", "CapPrm:", "CapBnd:", "NoNewPrivs:", "Seccomp:", "Groups:"})
    print_file("/proc/self/status", field);
  print_file("/proc/self/uid_map", " ");
  return 0;
}

/// connect HOST PORT: within two seconds; prints connected, refused or the error.
int connect_to(const Arguments& arguments) {
  const Address to(arguments.at(0), number(arguments, 1, 80));
  const int peer = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
  int error = ::connect(peer, to.get(), to.length) == 0 || errno == EINPROGRESS ? ETIMEDOUT : errno;
  pollfd entry{peer, POLLOUT, 0};
  socklen_t length = sizeof error;
  if (error == ETIMEDOUT && ::poll(&entry, 1, 2000) > 0)
    ::getsockopt(peer, SOL_SOCKET, SO_ERROR, &error, &length);
  std::printf("connect %s\n", error == 0 ? "connected" : strerrorname_np(error));
  return error == 0 ? 0 : 1;
}

long long clock_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

/// sink PORT: reads what comes to its end, connection after connection.
int sink(const Arguments& arguments) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(number(arguments, 0, 7000)));
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(listener, 8) != 0)
    return 1;
  std::printf("listening\n");
  std::fflush(stdout);
  for (;;) {
    const int peer = ::accept(listener, nullptr, nullptr);
    char buffer[65536];
    while (::read(peer, buffer, sizeof buffer) > 0) continue;
    ::close(peer);
  }
}

/// send HOST PORT MEGABYTES: and waits until all has arrived; prints what it took.
int send_bytes(const Arguments& arguments) {
  const Address to(arguments.at(0), number(arguments, 1, 7000));
  const int peer = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(peer, to.get(), to.length) != 0) return 1;
  const std::string block(1 << 20, 's');
  const auto begun = clock_ms();
  for (int i = 0; i < number(arguments, 2, 1); ++i)
    for (std::size_t sent = 0; sent < block.size();) {
      const ssize_t count = ::send(peer, block.data() + sent, block.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return 2;
      sent += static_cast<std::size_t>(count);
    }
  ::shutdown(peer, SHUT_WR);
  char byte;
  (void)!::read(peer, &byte, 1);
  std::printf("took %lld\n", clock_ms() - begun);
  return 0;
}

/// write-direct PATH MEGABYTES: past the page cache; prints what it took.
int write_direct(const Arguments& arguments) {
  const int file = ::open(arguments.at(0).c_str(), O_WRONLY | O_CREAT | O_DIRECT, 0644);
  void* block = nullptr;
  if (file < 0 || ::posix_memalign(&block, 4096, 1 << 20) != 0) {
    std::perror("write-direct");
    return 1;
  }
  std::memset(block, 'd', 1 << 20);
  const auto begun = clock_ms();
  for (int i = 0; i < number(arguments, 1, 1); ++i)
    if (::write(file, block, 1 << 20) != 1 << 20) return 2;
  std::printf("took %lld\n", clock_ms() - begun);
  return 0;
}

/// lookup SERVER NAME TYPE: asks a name server over UDP; prints the code and the addresses.
int lookup(const Arguments& arguments) {
  std::string packet("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  for (std::string rest = arguments.at(1) + "."; !rest.empty(); rest.erase(0, rest.find('.') + 1)) {
    const std::string label = rest.substr(0, rest.find('.'));
    packet += static_cast<char>(label.size()) + label;
  }
  packet += std::string("\0\0", 2) + static_cast<char>(number(arguments, 2, 1)) +
            std::string("\0\1", 2);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(53);
  ::inet_pton(AF_INET, arguments.at(0).c_str(), &to.sin_addr);
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval limit{5, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to);
  (void)!::send(socket, packet.data(), packet.size(), 0);
  unsigned char answer[512];
  const ssize_t count = ::recv(socket, answer, sizeof answer, 0);
  if (count < 12) {
    std::printf("lookup %s\n", strerrorname_np(errno));
    return 1;
  }
  std::printf("lookup code %d", answer[3] & 15);
  const int family = number(arguments, 2, 1) == 28 ? AF_INET6 : AF_INET;
  const std::size_t size = family == AF_INET6 ? 16 : 4;
  for (unsigned i = 0; i < answer[7]; ++i) {
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(family, answer + packet.size() + (12 + size) * i + 12, text, sizeof text);
    std::printf(" %s", text);
  }
  std::printf("\n");
  return 0;
}

/// connect-often HOST PORT: again and again, a line each time that the answer is another.
int connect_often(const Arguments& arguments) {
  for (int before = -1;;) {
    const Address to(arguments.at(0), number(arguments, 1, 80));
    const int peer = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int error = ::connect(peer, to.get(), to.length) == 0 ? 0 : errno;
    ::close(peer);
    if (error != before)
      std::printf("connect %s\n", error == 0 ? "connected" : strerrorname_np(error));
    std::fflush(stdout);
    before = error;
    sleep_ms(20);
  }
}

/// abstract NAME: tries to connect to an abstract unix socket.
int abstract_socket(const Arguments& arguments) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::string& name = arguments.at(0);
  std::memcpy(to.sun_path + 1, name.data(), name.size());
  const int peer = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const socklen_t length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int result = ::connect(peer, reinterpret_cast<sockaddr*>(&to), length);
  std::printf("abstract %s\n", result == 0 ? "connected" : strerrorname_np(errno));
  return 0;
}

int list_processes() {
  for (int pid = 1; pid < 70'000; ++pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/comm";
    if (::access(path.c_str(), F_OK) == 0) std::printf("process %d\n", pid);
  }
  std::printf("done\n");
  return 0;
}

/// touch PATH…: creates empty files.  remove PATH…
int touch(const Arguments& arguments) {
  for (const auto& path : arguments) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0644);
    if (file < 0) {
      std::printf("touch %s: %s\n", path.c_str(), strerrorname_np(errno));
      return 1;
    }
    ::close(file);
  }
  return 0;
}

int remove_files(const Arguments& arguments) {
  for (const auto& path : arguments)
    if (std::remove(path.c_str()) != 0) {
      std::printf("remove %s: %s\n", path.c_str(), strerrorname_np(errno));
      return 1;
    }
  return 0;
}

/// store PATH TEXT: as the whole file, on the disk when it says so.
int store(const Arguments& arguments) {
  const int file = ::open(arguments.at(0).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::string text = arguments.at(1) + "\n";
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file) != 0) {
    std::printf("store: %s\n", strerrorname_np(errno));
    return 1;
  }
  std::printf("stored\n");
  return 0;
}

int no_room() {
  std::printf(errno == ENOSPC ? "no room left\n" : "%s\n", strerrorname_np(errno));
  return 1;
}

/// fill PATH MEGABYTES: and ends.  fill-files DIRECTORY COUNT: empty ones.
int fill(const Arguments& arguments) {
  const int file = ::open(arguments.at(0).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::string block(1 << 20, 'f');
  for (int i = 0; i < number(arguments, 1, 1); ++i)
    for (std::size_t written = 0; written < block.size();) {
      // The last one that fits may fit in part.
      const ssize_t count = ::write(file, block.data() + written, block.size() - written);
      if (count < 0) return no_room();
      written += static_cast<std::size_t>(count);
    }
  if (::fsync(file) != 0) return no_room();
  std::printf("written\n");
  return 0;
}

int fill_files(const Arguments& arguments) {
  for (int i = 0; i < number(arguments, 1, 1); ++i) {
    const int file =
        ::open((arguments.at(0) + "/" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0644);
    if (file < 0) return no_room();
    ::close(file);
  }
  std::printf("written\n");
  return 0;
}

/// owner PATH…
int owner(const Arguments& arguments) {
  for (const auto& path : arguments) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return no_room();
    std::printf("%s %u:%u\n", path.c_str(), status.st_uid, status.st_gid);
  }
  return 0;
}

/// list DIRECTORY…: what is in them, with kind, mode, owner, device number and where links lead.
int list(const Arguments& arguments) {
  for (const auto& directory : arguments) {
    dirent** names = nullptr;
    const int count = ::scandir(directory.c_str(), &names, nullptr, ::alphasort);
    for (int i = 0; i < count; ++i) {
      const std::string path = directory + "/" + names[i]->d_name;
      struct stat status{};
      char to[256] = {};
      if (::lstat(path.c_str(), &status) != 0) continue;
      (void)!::readlink(path.c_str(), to, sizeof to - 1);
      std::printf("%s %o %u:%u %lx %s\n", path.c_str(), status.st_mode, status.st_uid,
                  status.st_gid, static_cast<unsigned long>(status.st_rdev), to);
    }
  }
  return 0;
}

int print_whole(const Arguments& arguments) {
  for (const auto& path : arguments) {
    const int file = ::open(path.c_str(), O_RDONLY);
    if (file < 0) {
      std::printf("open %s: %s\n", path.c_str(), strerrorname_np(errno));
      return 1;
    }
    char buffer[4096];
    ssize_t count;
    while ((count = ::read(file, buffer, sizeof buffer)) > 0)
      (void)!::write(1, buffer, static_cast<std::size_t>(count));
    ::close(file);
  }
  return 0;
}

/// background MS: leaves a child in a session of its own that holds the output and sleeps.
int background() {
  if (::fork() == 0) {
    ::setsid();
    for (;;) ::pause();
  }
  std::printf("left\n");
  return 0;
}

/// clock: CLOCK_MONOTONIC in microseconds at the first instruction.
int clock_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  std::printf("clock %lld\n", now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  const Arguments arguments(argv + (argc > 2 ? 2 : argc), argv + argc);
  if (verb == "serve") return serve(arguments);
  if (verb == "lines") return lines(arguments);
  if (verb == "exit") return number(arguments, 0, 0);
  if (verb == "crash") std::abort();
  if (verb == "wait-term") return wait_term(arguments);
  if (verb == "ignore-term") return ignore_term();
  if (verb == "sleep-tree") return sleep_tree();
  if (verb == "eat-memory") return eat_memory(arguments);
  if (verb == "forks") return forks(arguments);
  if (verb == "write-disk") return write_disk(arguments);
  if (verb == "store") return store(arguments);
  if (verb == "fill") return fill(arguments);
  if (verb == "fill-files") return fill_files(arguments);
  if (verb == "owner") return owner(arguments);
  if (verb == "echo") return echo();
  if (verb == "terminal") return terminal(arguments);
  if (verb == "identity") return identity();
  if (verb == "connect") return connect_to(arguments);
  if (verb == "sink") return sink(arguments);
  if (verb == "send") return send_bytes(arguments);
  if (verb == "write-direct") return write_direct(arguments);
  if (verb == "lookup") return lookup(arguments);
  if (verb == "connect-often") return connect_often(arguments);
  if (verb == "abstract") return abstract_socket(arguments);
  if (verb == "processes") return list_processes();
  if (verb == "touch") return touch(arguments);
  if (verb == "remove") return remove_files(arguments);
  if (verb == "print") return print_whole(arguments);
  if (verb == "list") return list(arguments);
  if (verb == "background") return background();
  if (verb == "clock") return clock_now();
  if (const auto code = berth::test::hostile(verb, arguments)) return *code;
  std::fprintf(stderr, "payload: no verb '%s'\n", verb.c_str());
  return 64;
}
