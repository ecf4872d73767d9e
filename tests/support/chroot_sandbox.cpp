// SPDX-License-Identifier: Apache-2.0
#include "tests/support/chroot_sandbox.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <set>

#include "base/file.hpp"

namespace berth::test {

namespace fs = std::filesystem;
using namespace berth::builder;

namespace {

/// The child's part of open(): our process has threads, but between fork and exec these tests only
/// use the system calls below and memory that glibc's fork handlers keep usable.
bool mount_overlay(const std::vector<fs::path>& lowers, const fs::path& upper, const fs::path& work,
                   const fs::path& target) {
  const int context = ::fsopen("overlay", FSOPEN_CLOEXEC);
  if (context < 0) return false;
  bool good = true;
  const auto set = [&](const char* key, const fs::path& value) {
    good = good && ::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
  };
  for (const auto& lower : lowers) set("lowerdir+", lower);
  // An overlay needs one lower directory at least.
  if (lowers.empty()) set("lowerdir+", work.parent_path() / "nothing");
  set("upperdir", upper);
  set("workdir", work);
  set("redirect_dir", "off");
  set("metacopy", "off");
  good = good && ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  const int mount = good ? ::fsmount(context, FSMOUNT_CLOEXEC, 0) : -1;
  good =
      mount >= 0 && ::move_mount(mount, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
  ::close(mount);
  ::close(context);
  return good;
}

bool mount_all(const SandboxSpec& spec, const fs::path& root, const fs::path& scratch) {
  if (::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (!mount_overlay(spec.root_layers, scratch / "upper", scratch / "work", root)) return false;
  std::error_code failure;
  for (const auto& overlay : spec.overlays) {
    const fs::path target = root / fs::path(overlay.target).relative_path();
    fs::create_directories(target, failure);
    fs::create_directories(overlay.work.parent_path() / "nothing", failure);
    if (!mount_overlay(overlay.lowers, overlay.upper, overlay.work, target)) return false;
  }
  for (const auto& bind : spec.binds) {
    const fs::path target = root / fs::path(bind.target).relative_path();
    fs::create_directories(fs::is_directory(bind.source) ? target : target.parent_path(), failure);
    if (!fs::is_directory(bind.source)) ::close(::open(target.c_str(), O_CREAT | O_CLOEXEC, 0644));
    if (::mount(bind.source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
    if (!bind.writable &&
        ::mount("", target.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      return false;
  }
  fs::create_directories(root / "proc", failure);
  fs::create_directories(root / "tmp", failure);
  ::chmod((root / "tmp").c_str(), 01777);
  for (const char* device : {"dev/null", "dev/zero", "dev/urandom"}) {
    fs::create_directories(root / "dev", failure);
    ::close(::open((root / device).c_str(), O_CREAT | O_CLOEXEC, 0666));
    if (::mount((fs::path("/") / device).c_str(), (root / device).c_str(), nullptr, MS_BIND,
                nullptr) != 0)
      return false;
  }
  fs::create_symlink("/proc/self/fd", root / "dev/fd", failure);
  return ::mount("proc", (root / "proc").c_str(), "proc", 0, nullptr) == 0;
}

/// Process 1 of the sandbox: its mounts are the sandbox's, orphans of the builds come to it.
[[noreturn]] void hold(const SandboxSpec& spec, const fs::path& root, const fs::path& scratch,
                       int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char good = mount_all(spec, root, scratch) ? 'y' : 'n';
  [[maybe_unused]] const ssize_t ignored = ::write(ready, &good, 1);
  ::signal(SIGCHLD, SIG_IGN);
  for (;;) ::pause();
}

class ChrootSandbox final : public Sandbox {
 public:
  ChrootSandbox(TempDir scratch, pid_t guard, pid_t holder)
      : scratch_(std::move(scratch)),
        guard_(guard),
        holder_(holder),
        root_(scratch_.path() / "root") {}

  ~ChrootSandbox() override {
    if (holder_ > 0) ::kill(holder_, SIGKILL);
    ::waitpid(guard_, nullptr, 0);
  }

  void cancel() override {
    cancelled_ = true;
    ::kill(holder_, SIGKILL);  // Process 1 of the namespace: all others go with it.
  }

  Result<SandboxExit> run(const SandboxCommand& command, const OutputSink& sink) override {
    if (cancelled_) return SandboxExit{.status = {}, .cancelled = true};
    BERTH_ASSIGN(Pipe output, make_pipe());
    std::vector<char*> argv;
    for (const auto& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::vector<std::string> variables;
    for (const auto& [name, value] : command.env) variables.push_back(name + "=" + value);
    std::vector<char*> env;
    for (auto& variable : variables) env.push_back(variable.data());
    env.push_back(nullptr);
    const Fd namespaces(static_cast<int>(::syscall(SYS_pidfd_open, holder_, 0)));
    const pid_t pid = ::fork();
    if (pid < 0) return system_error("fork");
    if (pid == 0) {
      if (::setns(namespaces.get(), CLONE_NEWNS | CLONE_NEWPID) != 0) ::_exit(125);
      const pid_t child = ::fork();
      if (child == 0) exec_inside(command, output.write.get(), argv, env);
      ::close(output.write.get());
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFSIGNALED(status)) {
        ::signal(WTERMSIG(status), SIG_DFL);
        ::kill(::getpid(), WTERMSIG(status));
      }
      ::_exit(WEXITSTATUS(status));
    }
    output.write.reset();
    return collect(pid, output.read, command.timeout, sink);
  }

 private:
  [[noreturn]] void exec_inside(const SandboxCommand& command, int output,
                                const std::vector<char*>& argv,
                                const std::vector<char*>& env) const {
    ::dup2(output, 1);
    ::dup2(output, 2);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::chroot(root_.c_str()) != 0 || ::chdir(command.working_directory.c_str()) != 0 ||
        ::setgroups(0, nullptr) != 0 || ::setresgid(command.gid, command.gid, command.gid) != 0 ||
        ::setresuid(command.uid, command.uid, command.uid) != 0)
      ::_exit(126);
    ::umask(022);
    ::execve(argv[0], argv.data(), env.data());
    const std::string message = std::string(argv[0]) + ": " + std::strerror(errno) + "\n";
    [[maybe_unused]] const ssize_t ignored = ::write(2, message.data(), message.size());
    ::_exit(127);
  }

  /// Output is read until the program has ended, whoever else holds the pipe by then.
  Result<SandboxExit> collect(pid_t pid, const Fd& output, std::chrono::seconds timeout,
                              const OutputSink& sink) {
    const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto end = std::chrono::steady_clock::now() + timeout;
    SandboxExit exit;
    char buffer[65536];
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
    for (bool over = false; !over;) {
      pollfd entries[2] = {{output.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      const int ready =
          ::poll(entries, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready == 0 && !exit.timed_out) {
        exit.timed_out = true;
        ::kill(holder_, SIGKILL);
      }
      over = entries[1].revents != 0 || (ready == 0 && exit.timed_out);
      for (ssize_t count; (count = ::read(output.get(), buffer, sizeof buffer)) > 0;)
        sink({buffer, static_cast<std::size_t>(count)});
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    exit.cancelled = cancelled_;
    if (WIFSIGNALED(status))
      exit.status.signal = WTERMSIG(status);
    else
      exit.status.code = WEXITSTATUS(status);
    return exit;
  }

  TempDir scratch_;
  pid_t guard_;   ///< our child, which ends with the holder
  pid_t holder_;  ///< process 1 inside
  fs::path root_;
  std::atomic<bool> cancelled_ = false;
};

Result<void> copy_into(const fs::path& root, const fs::path& file, const fs::path& as) {
  const fs::path target = root / as.relative_path();
  BERTH_TRY(make_directories(target.parent_path()));
  std::error_code failure;
  fs::copy_file(fs::canonical(file, failure), target, fs::copy_options::overwrite_existing,
                failure);
  if (failure) return system_error("copy " + file.string(), failure.value());
  return {};
}

}  // namespace

Result<std::unique_ptr<Sandbox>> ChrootSandboxFactory::open(const SandboxSpec& spec) {
  BERTH_ASSIGN(TempDir scratch, TempDir::create(scratch_, "sandbox-"));
  for (const char* part : {"root", "upper", "work", "nothing"})
    BERTH_TRY(make_directories(scratch.path() / part));
  ::chmod(scratch.path().c_str(), 0755);
  BERTH_ASSIGN(Pipe ready, make_pipe());
  BERTH_ASSIGN(Pipe pids, make_pipe());
  const fs::path root = scratch.path() / "root";
  // fork() and not a bare clone: glibc's handlers keep the child's heap usable beside our threads.
  const pid_t guard = ::fork();
  if (guard < 0) return system_error("fork");
  if (guard == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) ::_exit(1);
    const pid_t init = ::fork();
    if (init == 0) hold(spec, root, scratch.path(), ready.write.get());
    [[maybe_unused]] const ssize_t ignored = ::write(pids.write.get(), &init, sizeof init);
    ready.write.reset();
    pids.write.reset();
    ::waitpid(init, nullptr, 0);
    ::_exit(0);
  }
  ready.write.reset();
  pids.write.reset();
  pid_t init = 0;
  char good = 0;
  const bool started = ::read(pids.read.get(), &init, sizeof init) == sizeof init && init > 0 &&
                       ::read(ready.read.get(), &good, 1) == 1 && good == 'y';
  auto sandbox = std::make_unique<ChrootSandbox>(std::move(scratch), guard, init);
  if (!started) return Error{ErrorKind::io, "the test sandbox's mounts failed"};
  ++opened;
  return std::unique_ptr<Sandbox>(std::move(sandbox));
}

std::string chroot_sandbox_obstacle() {
  if (::geteuid() != 0) return "the sandbox of these tests needs root";
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "namespaces cannot be made here";
}

Result<void> make_tiny_root(const fs::path& directory) {
  const std::vector<std::string> programs = {
      "sh",    "bash", "cat",   "cp",    "echo", "env",    "ln",   "ls", "mkdir", "mv",  "rm",
      "sleep", "test", "touch", "chmod", "grep", "printf", "stat", "tr", "sort",  "head",
      "git"};
  std::set<std::string> libraries;
  for (const auto& program : programs) {
    const fs::path file = fs::exists("/bin/" + program) ? "/bin/" + program : "/usr/bin/" + program;
    BERTH_TRY(copy_into(directory, file, "/bin/" + program));
    BERTH_ASSIGN(const Output listed, run_program({.argv = {"ldd", file.string()}}));
    for (std::size_t at = listed.out.find('/'); at != std::string::npos;
         at = listed.out.find('/', at)) {
      const std::size_t end = listed.out.find_first_of(" \n", at);
      libraries.insert(listed.out.substr(at, end - at));
      at = end;
    }
  }
  for (const auto& library : libraries) BERTH_TRY(copy_into(directory, library, library));
  for (const char* name : {"tmp", "proc", "dev", "usr/bin"})
    BERTH_TRY(make_directories(directory / name));
  std::error_code failure;
  for (const char* name : {"env", "git"})
    fs::create_symlink(fs::path("../../bin") / name, directory / "usr/bin" / name, failure);
  return {};
}

}  // namespace berth::test
