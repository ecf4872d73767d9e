// SPDX-License-Identifier: Apache-2.0
#include "base/child_process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/file.hpp"

extern char** environ;

namespace berth {

namespace {

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest =
      path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    struct stat status {};
    if (::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  return {};
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> result;
  if (!command.clear_env)
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text(*entry);
      if (!command.env.contains(std::string(text.substr(0, text.find('=')))))
        result.emplace_back(text);
    }
  for (const auto& [name, value] : command.env) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// What the child does before its exec, in our memory while our thread waits (vfork): system calls
/// only. Failures travel as an errno through `report`.
struct ChildPlan {
  const char* program;
  char* const* argv;
  char* const* envp;
  const char* working_directory;
  std::pair<int, int>* fds;
  std::size_t fd_count;
  bool new_session;
  bool orphan;
  int report;
};

[[noreturn]] void fail_child(int report) {
  const int error = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(report, &error, sizeof error);
  ::_exit(127);
}

/// A handler of ours must not run in the child: it would see, and change, our memory.
void reset_handlers() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_DFL &&
        action.sa_handler != SIG_IGN)
      ::signal(number, SIG_DFL);
  }
}

[[noreturn]] void exec_child(const ChildPlan& plan) {
  if (plan.orphan)
    if (const pid_t child = ::vfork(); child != 0) child < 0 ? fail_child(plan.report) : ::_exit(0);
  // First lift every source above all targets, so that no dup2 overwrites a later source.
  int floor = 3;
  for (std::size_t i = 0; i < plan.fd_count; ++i) floor = std::max(floor, plan.fds[i].second + 1);
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, floor);
  if (report < 0) fail_child(plan.report);
  for (std::size_t i = 0; i < plan.fd_count; ++i) {
    plan.fds[i].first = ::fcntl(plan.fds[i].first, F_DUPFD_CLOEXEC, floor);
    if (plan.fds[i].first < 0) fail_child(report);
  }
  // Libraries open descriptors without close-on-exec (Asio's sockets); the child gets none of them.
  // Before Linux 5.11 this fails and the flag of each descriptor decides, as ever.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < plan.fd_count; ++i)
    if (::dup2(plan.fds[i].first, plan.fds[i].second) < 0) fail_child(report);
  if (plan.new_session) ::setsid();
  if (*plan.working_directory && ::chdir(plan.working_directory) != 0) fail_child(report);
  reset_handlers();
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program, plan.argv, plan.envp);
  fail_child(report);
}

ExitStatus status_of(int status) {
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace

std::string ExitStatus::describe() const {
  if (signal == 0) return "exit status " + std::to_string(code);
  const char* name = ::sigabbrev_np(signal);
  return "killed by " + (name ? "SIG" + std::string(name) : "signal " + std::to_string(signal));
}

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return system_error("pipe");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

namespace {

/// vfork, since to copy the tables of a large process's memory takes milliseconds. With every
/// signal blocked until the child has no handler of ours.
[[gnu::noinline]] pid_t start_child(const ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) exec_child(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

/// The child's pid, or that of the process between us and an orphan; not waited for.
Result<pid_t> start(const Command& command, bool orphan) {
  BERTH_ASSERT(!command.argv.empty());
  const std::string program = find_program(command.argv.front());
  if (program.empty())
    return Error{ErrorKind::not_found,
                 "the program '" + command.argv.front() + "' is not installed (not found on PATH)"};
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = environment_of(command);
  BERTH_ASSIGN(Fd null, open_file("/dev/null", O_RDWR));
  std::vector<std::pair<int, int>> fds = {
      {command.stdin_fd < 0 ? null.get() : command.stdin_fd, 0},
      {command.stdout_fd < 0 ? null.get() : command.stdout_fd, 1},
      {command.stderr_fd < 0 ? null.get() : command.stderr_fd, 2},
  };
  fds.insert(fds.end(), command.extra_fds.begin(), command.extra_fds.end());
  BERTH_ASSIGN(Pipe report, make_pipe());
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> env_pointers = pointers(env);
  const ChildPlan plan{.program = program.c_str(),
                       .argv = argv_pointers.data(),
                       .envp = env_pointers.data(),
                       .working_directory = command.working_directory.c_str(),
                       .fds = fds.data(),
                       .fd_count = fds.size(),
                       .new_session = command.new_session,
                       .orphan = orphan,
                       .report = report.write.get()};
  const pid_t pid = start_child(plan);
  if (pid < 0) return system_error("fork");
  report.write.reset();
  int error = 0;
  ssize_t count;
  do count = ::read(report.read.get(), &error, sizeof error);
  while (count < 0 && errno == EINTR);
  if (count != sizeof error) return pid;
  ::waitpid(pid, nullptr, 0);
  return system_error("start " + program, error);
}

}  // namespace

Result<ChildProcess> ChildProcess::spawn(const Command& command) {
  BERTH_ASSIGN(const pid_t pid, start(command, /*orphan=*/false));
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd) return ChildProcess(pid, std::move(pidfd));
  const int error = errno;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return system_error("pidfd_open", error);
}

Result<void> ChildProcess::spawn_orphan(const Command& command) {
  BERTH_ASSIGN(const pid_t between, start(command, /*orphan=*/true));
  ::waitpid(between, nullptr, 0);
  return {};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> ChildProcess::signal(int number) {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0 && errno != ESRCH)
    return system_error("signal process " + std::to_string(pid_));
  return {};
}

Result<ExitStatus> ChildProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) return system_error("wait for process " + std::to_string(pid_));
  pid_ = -1;
  return status_of(status);
}

Result<std::optional<ExitStatus>> ChildProcess::wait_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return system_error("poll");
    if (ready == 0) return std::optional<ExitStatus>{};
    BERTH_ASSIGN(auto status, wait());
    return std::optional(status);
  }
}

void ChildProcess::detach() noexcept {
  pid_ = -1;
  pidfd_.reset();
}

namespace {

constexpr std::chrono::milliseconds cancel_tick{50};

/// How long a program may still run, told in pieces so that a flag is looked at now and then.
class Patience final {
 public:
  Patience(std::string name, std::chrono::milliseconds deadline, const std::atomic<bool>* cancel)
      : name_(std::move(name)),
        deadline_(deadline),
        end_(std::chrono::steady_clock::now() + deadline),
        cancel_(cancel) {}

  /// For one wait; an error when there is none left.
  Result<std::chrono::milliseconds> piece() const {
    if (cancel_ && *cancel_) return Error{ErrorKind::cancelled, name_ + " was cancelled"};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        end_ - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return Error{ErrorKind::timeout, name_ + " did not end within " +
                                           std::to_string(deadline_.count()) + " ms"};
    return cancel_ ? std::min(left, cancel_tick) : left;
  }

 private:
  std::string name_;
  std::chrono::milliseconds deadline_;
  std::chrono::steady_clock::time_point end_;
  const std::atomic<bool>* cancel_;
};

}  // namespace

Result<Output> run_program(Command command, std::string input, std::chrono::milliseconds deadline,
                           std::size_t limit, const std::atomic<bool>* cancel) {
  BERTH_ASSIGN(Pipe in, make_pipe());
  BERTH_ASSIGN(Pipe out, make_pipe());
  BERTH_ASSIGN(Pipe err, make_pipe());
  command.stdin_fd = in.read.get();
  command.stdout_fd = out.write.get();
  command.stderr_fd = err.write.get();
  const Patience patience(command.argv.front(), deadline, cancel);
  BERTH_ASSIGN(ChildProcess child, ChildProcess::spawn(command));
  in.read.reset();
  out.write.reset();
  err.write.reset();
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.write.reset();

  Output result;
  std::size_t written = 0;
  auto drain = [limit](Fd& from, std::string& to) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count > 0)
      to.append(buffer.data(),
                std::min(static_cast<std::size_t>(count), limit - std::min(limit, to.size())));
    else if (count == 0 || errno != EINTR)
      from.reset();
  };
  while (out.read || err.read || in.write) {
    std::array<pollfd, 3> entries = {pollfd{out.read.get(), POLLIN, 0},
                                     pollfd{err.read.get(), POLLIN, 0},
                                     pollfd{in.write.get(), POLLOUT, 0}};
    BERTH_ASSIGN(const auto wait, patience.piece());
    const int ready =
        ::poll(entries.data(), entries.size(), static_cast<int>(wait.count()));
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (ready < 0) return system_error("poll");
    if (entries[0].revents) drain(out.read, result.out);
    if (entries[1].revents) drain(err.read, result.err);
    if (entries[2].revents) {
      // MSG_NOSIGNAL has no twin for pipes: SIGPIPE is ignored by every role (ignore_sigpipe).
      const ssize_t count = ::write(in.write.get(), input.data() + written, input.size() - written);
      if (count > 0) written += static_cast<std::size_t>(count);
      if (written == input.size() || (count < 0 && errno != EINTR && errno != EAGAIN))
        in.write.reset();
    }
  }
  for (;;) {
    BERTH_ASSIGN(const auto wait, patience.piece());
    BERTH_ASSIGN(const auto status, child.wait_for(wait));
    if (!status) continue;
    result.status = *status;
    return result;
  }
}

}  // namespace berth
