// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/shim.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "runtime/engine/local/shim/supervisor.hpp"

namespace berth::runtime::shim {

namespace {

bool read_whole(int fd, std::string& text) {
  char buffer[4096];
  ssize_t count;
  while ((count = ::read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(count));
  return count == 0;
}

/// All shims have the same file and with it one position, which is left alone.
bool read_shared(int fd, std::string& text) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return false;
  text.resize(static_cast<std::size_t>(status.st_size));
  return ::pread(fd, text.data(), text.size(), 0) == status.st_size;
}

/// The address is relative to the working directory: a socket's path has 107 bytes at most.
Fd listen_here(const char* name) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ::strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  ::unlink(name);
  ::umask(0177);
  const bool ok =
      socket && ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(socket.get(), 16) == 0;
  ::umask(022);
  return ok ? std::move(socket) : Fd();
}

Fd block_signals() {
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&handled, number);
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

int run_shim(const char* directory) {
  for (const int fd : {shim_status_fd, shim_program_fd, shim_client_fd, shim_note_fd,
                       shim_filter_fd})
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  std::string text;
  ShimConf conf;
  if (::chdir(directory) != 0) return 1;
  {
    const Fd file(::open("shim.conf", O_RDONLY | O_CLOEXEC));
    if (!file || !read_whole(file.get(), text) || !parse_shim_conf(text, conf)) return 1;
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ShimDescriptors fds;
  fds.status = Fd(shim_status_fd);
  fds.note = Fd(shim_note_fd);
  fds.client = Fd(shim_client_fd);
  if (conf.program) fds.client.reset();
  const Fd program(shim_program_fd);
  if (!read_whole(program.get(), fds.program)) return 1;
  const Fd filter(shim_filter_fd);
  const bool filters = conf.maker == Maker::native || conf.maker == Maker::runsc;
  if (filters && !read_shared(filter.get(), fds.filter)) return 1;
  fds.signals = block_signals();
  fds.listener = listen_here("shim.sock");
  if (!fds.signals || !fds.listener) return 1;
  return Supervisor(conf, directory, std::move(fds)).run();
}

}  // namespace berth::runtime::shim
