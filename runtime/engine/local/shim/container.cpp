// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/container.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace berth::runtime::shim {

namespace {

constexpr int agent_fd = 3;

std::string read_small(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : 0;
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string log_name(const char* command) { return std::string("gvisor-") + command + ".log"; }

[[noreturn]] void exec_oci(const ShimConf& conf, char* const* argv, int agent, int messages) {
  const auto fail = [messages](const std::string& what) {
    const std::string text = what + ": " + strerrordesc_np(errno) + "\n";
    [[maybe_unused]] const ssize_t ignored = ::write(messages, text.data(), text.size());
    ::_exit(127);
  };
  if (conf.maker == Maker::crun)
    for (const auto& cgroup : conf.cgroups)
      if (!join_cgroup(cgroup)) fail("join " + cgroup);
  // They give their descriptors 0, 1 and 2 to the container's root: never /dev/null, which would
  // change its owner on the whole machine.
  const int lifted = ::fcntl(agent, F_DUPFD_CLOEXEC, 10);
  const int report = ::fcntl(messages, F_DUPFD_CLOEXEC, 10);
  if (lifted < 0 || report < 0 || ::dup2(report, 0) < 0 || ::dup2(report, 1) < 0 ||
      ::dup2(report, 2) < 0 || ::dup2(lifted, agent_fd) < 0)
    fail("pass descriptors");
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // crun would copy itself first, so that nothing inside can write to its file through /proc
  // (CVE-2019-5736). It lies on a read-only mount here, which it accepts as such a copy when told.
  char cloned[] = "_LIBCONTAINER_CLONED_BINARY=1";
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* const env[] = {path, conf.maker == Maker::crun ? cloned : nullptr, nullptr};
  ::execve(argv[0], argv, env);
  fail("run " + conf.oci_runtime);
  ::_exit(127);
}

}  // namespace

bool join_cgroup(const std::string& directory) {
  // v1: a thread that moves itself through `tasks` does not wait for the lock over all forks of the
  // machine, which costs some milliseconds (kernel/cgroup, cgroup_procs_write_start).
  Fd file(::open((directory + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) file = Fd(::open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), "0", 1) == 1;
}

Result<OciProcess> run_oci(const ShimConf& conf, const std::string& bundle, Fd agent) {
  std::vector<std::string> words = {conf.stage + "/oci", "--root", conf.stage + "/state"};
  const auto add = [&words](std::initializer_list<const char*> more) {
    words.insert(words.end(), more.begin(), more.end());
  };
  // Cgroups are ours: its own handling would write each file a second time.
  if (conf.maker == Maker::crun) add({"--cgroup-manager=disabled"});
  // Of its root: our own layer is measured. What ends its first process stands in the log alone.
  const std::string log = "--debug-log=" + conf.stage + "/" + log_name("%COMMAND%");
  if (conf.maker == Maker::runsc) add({"--overlay2=none", log.c_str()});
  add({"run", "--detach", "--bundle", bundle.c_str()});
  if (conf.maker == Maker::runsc) add({"--pass-fd", "3:3"});
  else add({"--preserve-fds", "1"});
  words.push_back(conf.id);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int messages[2];
  if (::pipe2(messages, O_CLOEXEC) != 0) return system_error("pipe");
  OciProcess result{.pid = 0, .messages = Fd(messages[0])};
  const Fd write_end(messages[1]);
  result.pid = ::fork();
  if (result.pid < 0) return system_error("fork");
  if (result.pid == 0) exec_oci(conf, argv.data(), agent.get(), write_end.get());
  ::fcntl(result.messages.get(), F_SETFL, O_NONBLOCK);
  return result;
}

std::string last_words(const ShimConf& conf) {
  constexpr std::string_view mark = "FATAL ERROR: ";
  // Where both have some, what opens files failed first.
  for (const char* command : {"gofer", "boot"}) {
    const std::string text = read_small(conf.stage + "/" + log_name(command));
    const auto at = text.rfind(mark);
    if (at == std::string::npos) continue;
    const auto begin = at + mark.size();
    return text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
  }
  return {};
}

unsigned long long count_oom_kills(const ShimConf& conf) {
  if (conf.oom_events.empty()) return 0;
  const std::string text = read_small(conf.oom_events);
  const auto at = text.find("oom_kill ");
  // In v1's memory.oom_control the line "oom_kill_disable 0" stands before it.
  return at == std::string::npos ? 0 : ::strtoull(text.c_str() + at + 9, nullptr, 10);
}

void thaw(const ShimConf& conf) {
  static constexpr std::pair<const char*, const char*> switches[] = {
      {"/cgroup.freeze", "0"}, {"/freezer.state", "THAWED"}};  // v2, v1
  for (const auto& cgroup : conf.cgroups)
    for (const auto& [file, text] : switches) {
      const Fd fd(::open((cgroup + file).c_str(), O_WRONLY | O_CLOEXEC));
      if (fd) (void)!::write(fd.get(), text, ::strlen(text));
    }
}

void remove_cgroups(const ShimConf& conf) {
  for (const auto& cgroup : conf.cgroups) {
    for (int round = 0; round < 200; ++round) {
      if (::rmdir(cgroup.c_str()) == 0 || errno == ENOENT) break;
      const std::string text = read_small(cgroup + "/cgroup.procs");
      for (const char* at = text.c_str(); *at;) {
        char* end = nullptr;
        const long pid = ::strtol(at, &end, 10);
        if (pid > 1) ::kill(static_cast<pid_t>(pid), SIGKILL);
        at = *end ? end + 1 : end;
      }
      // There is no event for "the cgroup is empty" on v1; the dying processes need a moment.
      ::poll(nullptr, 0, 5);
    }
  }
}

}  // namespace berth::runtime::shim
