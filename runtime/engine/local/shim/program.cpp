// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/program.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace berth::runtime::shim {

namespace {

/// How far the child came; with errno it is sent up the pipe when it fails.
enum class Step : int { session, terminal, descriptors, directory, user, program };

struct Failure {
  Step step;
  int error;
};

[[noreturn]] void fail(int report, Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const ssize_t ignored = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

/// Becomes the user, without a capability to fall back on. Root keeps what the container has.
bool become(std::uint32_t uid, std::uint32_t gid) {
  if (::geteuid() == uid && ::getegid() == gid) return true;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0) return false;
  if (uid != 0)
    for (int capability = 0; capability < 64; ++capability)
      if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) return false;
  return ::setresuid(uid, uid, uid) == 0;
}

void execute(const std::vector<char*>& argv, const std::vector<char*>& env) {
  const std::string name = argv[0];
  if (name.find('/') != std::string::npos) {
    ::execve(argv[0], argv.data(), env.data());
    return;
  }
  std::string_view path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const char* entry : env)
    if (entry && std::string_view(entry).starts_with("PATH=")) path = entry + 5;
  int error = ENOENT;
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string candidate = std::string(path.substr(0, colon)) + "/" + name;
    ::execve(candidate.c_str(), argv.data(), env.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  errno = error;
}

std::vector<char*> pointers(const std::vector<std::string>& list) {
  std::vector<char*> result;
  result.reserve(list.size() + 1);
  for (const auto& text : list) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

void open_terminal(const std::string& name, int report) {
  const int slave = ::open(name.c_str(), O_RDWR);
  if (slave < 0 || ::ioctl(slave, TIOCSCTTY, 0) != 0) fail(report, Step::terminal);
  for (const int target : {0, 1, 2})
    if (::dup2(slave, target) < 0) fail(report, Step::terminal);
  if (slave > 2) ::close(slave);
}

[[noreturn]] void child(const AgentRun& run, const std::vector<Fd>& fds,
                        const std::string& terminal, int report) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setsid() < 0) fail(report, Step::session);
  if (!terminal.empty()) {
    open_terminal(terminal, report);
  } else {
    // Above 3 first: a source must not be overwritten before its turn.
    int lifted[3];
    for (int i = 0; i < 3; ++i)
      if ((lifted[i] = ::fcntl(fds[static_cast<std::size_t>(i)].get(), F_DUPFD_CLOEXEC, 10)) < 0)
        fail(report, Step::descriptors);
    for (int i = 0; i < 3; ++i)
      if (::dup2(lifted[i], i) < 0) fail(report, Step::descriptors);
  }
  if (!become(run.uid, run.gid)) fail(report, Step::user);
  // As the user: a directory that it may not enter is its own error, not ours to walk around.
  if (::chdir(run.working_directory.c_str()) != 0) fail(report, Step::directory);
  execute(pointers(run.argv), pointers(run.env));
  fail(report, Step::program);
}

Error describe(const Failure& failure, const AgentRun& run) {
  const std::string& program = run.argv.front();
  switch (failure.step) {
    case Step::program:
      if (failure.error == ENOENT)
        return {ErrorKind::not_found, "the program '" + program + "' does not exist in the image"};
      return system_error("run '" + program + "'", failure.error);
    case Step::directory:
      return system_error("enter the working directory '" + run.working_directory + "'",
                          failure.error);
    case Step::user:
      return system_error("become user " + std::to_string(run.uid), failure.error);
    case Step::terminal:
      return system_error("open the terminal", failure.error);
    case Step::session:
    case Step::descriptors:
      break;
  }
  return system_error("start '" + program + "'", failure.error);
}

struct Terminal {
  Fd master;
  std::string name;
};

Result<Terminal> make_terminal(const AgentRun& run) {
  Terminal result;
  result.master = Fd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlock = 0;
  unsigned number = 0;
  if (!result.master || ::ioctl(result.master.get(), TIOCSPTLCK, &unlock) != 0 ||
      ::ioctl(result.master.get(), TIOCGPTN, &number) != 0)
    return system_error("make a terminal");
  result.name = "/dev/pts/" + std::to_string(number);
  if (::getuid() != run.uid && ::chown(result.name.c_str(), run.uid, static_cast<gid_t>(-1)) != 0)
    return system_error("own the terminal");
  winsize size{};
  size.ws_col = static_cast<unsigned short>(run.columns);
  size.ws_row = static_cast<unsigned short>(run.rows);
  ::ioctl(result.master.get(), TIOCSWINSZ, &size);
  return result;
}

}  // namespace

Result<StartedProgram> start_program(const AgentRun& run, std::vector<Fd>& fds) {
  Terminal terminal;
  if (run.terminal) {
    BERTH_ASSIGN(terminal, make_terminal(run));
  } else if (fds.size() != 3) {
    return Error{ErrorKind::internal, "a program needs three descriptors"};
  }
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return system_error("pipe");
  const Fd read_end(report[0]);
  Fd write_end(report[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) child(run, fds, terminal.name, report[1]);
  write_end.reset();
  fds.clear();
  Failure failure{};
  ssize_t count;
  do count = ::read(read_end.get(), &failure, sizeof failure);
  while (count < 0 && errno == EINTR);
  if (count != sizeof failure) return StartedProgram{pid, std::move(terminal.master)};
  ::waitpid(pid, nullptr, 0);
  return describe(failure, run);
}

namespace {

/// The fourth field after the last parenthesis of /proc/PID/stat: the session.
pid_t session_of(const char* pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%s/stat", pid);
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  char text[512];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return 0;
  text[size] = 0;
  const char* after = ::strrchr(text, ')');
  int parent = 0;
  int group = 0;
  int session = 0;
  char state = 0;
  if (!after || std::sscanf(after + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
    return 0;
  return state == 'Z' ? 0 : session;
}

}  // namespace

void kill_session(pid_t leader, bool others_run) {
  if (!others_run) {
    ::kill(-1, SIGKILL);
    return;
  }
  // Forks race with the scan; a process that was missed is found by the next round.
  for (int round = 0; round < 100; ++round) {
    bool found = false;
    DIR* processes = ::opendir("/proc");
    if (!processes) return;
    while (const dirent* entry = ::readdir(processes)) {
      const pid_t pid = static_cast<pid_t>(::atoi(entry->d_name));
      if (pid <= 1 || session_of(entry->d_name) != leader) continue;
      found = true;
      ::kill(pid, SIGKILL);
    }
    ::closedir(processes);
    if (!found) return;
  }
}

}  // namespace berth::runtime::shim
