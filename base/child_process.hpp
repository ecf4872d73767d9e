// SPDX-License-Identifier: Apache-2.0
//
// Programs are started from an argument vector, never through a shell. A ChildProcess owns its
// child through a pidfd: it can be waited for with a deadline, signalled without a race on the pid,
// and is killed if its owner goes without waiting.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth {

struct ExitStatus {
  int code = 0;    ///< exit code, when signal is 0
  int signal = 0;  ///< the signal that ended it, or 0

  [[nodiscard]] bool success() const { return code == 0 && signal == 0; }
  /// "exit status 1" or "killed by SIGKILL"
  [[nodiscard]] std::string describe() const;
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

struct Command {
  std::vector<std::string> argv;  ///< argv[0] is looked up on our PATH unless it holds a slash
  std::map<std::string, std::string> env = {};  ///< added to, or the whole, environment
  bool clear_env = false;
  std::string working_directory = {};
  /// Our descriptors for the child's 0, 1, 2; -1 is /dev/null.
  int stdin_fd = -1;
  int stdout_fd = 2;
  int stderr_fd = 2;
  /// Further descriptors, our number to the child's number (≥ 3).
  std::vector<std::pair<int, int>> extra_fds = {};
  bool new_session = false;  ///< setsid(): it survives our terminal and our death
};

class ChildProcess final {
 public:
  [[nodiscard]] static Result<ChildProcess> spawn(const Command& command);
  /// A child of init from the start, which nobody here has to reap.
  [[nodiscard]] static Result<void> spawn_orphan(const Command& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();  ///< SIGKILLs and reaps a child that was neither waited for nor detached

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Becomes readable when the child has ended; for event loops.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  [[nodiscard]] Result<void> signal(int number);
  [[nodiscard]] Result<ExitStatus> wait();
  /// Nothing if the child still runs when the time is up.
  [[nodiscard]] Result<std::optional<ExitStatus>> wait_for(std::chrono::milliseconds time);
  /// The child runs on without an owner; init reaps it when we are gone.
  void detach() noexcept;

 private:
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  Fd pidfd_;
};

struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// Runs a program to its end, feeds `input`, collects both outputs (at most `limit` bytes each, the
/// rest is read and dropped). Past the deadline it is killed and the error is of kind `timeout`;
/// soon after `cancel` is set, of kind `cancelled`.
[[nodiscard]] Result<Output> run_program(
    Command command, std::string input = {},
    std::chrono::milliseconds deadline = std::chrono::minutes(1), std::size_t limit = 16 << 20,
    const std::atomic<bool>* cancel = nullptr);

struct Pipe {
  Fd read;
  Fd write;
};
[[nodiscard]] Result<Pipe> make_pipe();

}  // namespace berth
