// SPDX-License-Identifier: Apache-2.0
//
// The shim's loop: one thread, one poll. Its states go one way: starting, running, ended.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/shim/attach_session.hpp"
#include "runtime/engine/local/shim/container.hpp"
#include "runtime/engine/local/shim/exec_session.hpp"
#include "runtime/engine/local/shim/log_writer.hpp"
#include "runtime/engine/local/shim/program_streams.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

struct ShimDescriptors {
  Fd status;    ///< the first status connection
  Fd note;      ///< kept for whoever asks for the status
  Fd client;    ///< a connection for the agent, if there is no program
  std::string program;  ///< the program, encoded
  std::string filter;   ///< of system calls, where the OCI runtime does not load it
  Fd signals;   ///< a signalfd for SIGCHLD, SIGTERM, SIGINT, SIGHUP
  Fd listener;
};

class Supervisor final : private AttachTarget {
 public:
  Supervisor(const ShimConf& conf, std::string directory, ShimDescriptors fds);
  /// Until the container has ended and everybody knows. The result is the process's exit code.
  int run();

 private:
  enum class State { starting, running, ended };
  struct Client {
    Fd socket;
    std::string incoming;
    bool watches = false;   ///< said `status`
    bool lifeline = false;  ///< without it the container ends (a sandbox's owner)
    bool silent = false;    ///< has closed its side; still told what happens
    std::size_t program_bytes = 0;  ///< of the program that it is sending, to be executed
  };

  [[nodiscard]] Result<void> start();
  [[nodiscard]] Result<void> start_native(Fd agent);
  [[nodiscard]] Result<void> connect();
  [[nodiscard]] Result<void> on_hello(pid_t init);
  /// Once the network is there and the engine has said `go`.
  [[nodiscard]] Result<void> furnish_agent();
  [[nodiscard]] Result<void> send_program();
  void fail(const std::string& message);
  void finish();

  void poll_once();
  [[nodiscard]] int next_timeout() const;
  void on_timers();
  void on_signals();
  void on_child(pid_t pid, int status);
  bool on_agent();  ///< whether there was something
  void on_started(AgentPacket& packet);
  void on_oci_message();
  void read_output();
  void accept_client();
  void read_client(Client& client);
  void command(Client& client, std::string_view line);
  void begin_exec(Client& client);
  void watch(Client& client);
  void report(const std::string& line);
  void stop(std::int64_t grace_ms);
  void kill_container();
  void ended();
  void write_exit_file() const;
  [[nodiscard]] std::string exit_line() const;
  [[nodiscard]] bool in_gvisor() const { return conf_.maker == Maker::runsc; }
  [[nodiscard]] bool attaches() const { return conf_.terminal || conf_.attach_stdin; }

  void input(std::string_view bytes) override { streams_.write(bytes); }
  void input_end() override { streams_.end_input(); }
  void resize(unsigned columns, unsigned rows) override;
  void signal(int number) override;

  const ShimConf conf_;
  const std::string directory_;
  ShimDescriptors fds_;
  State state_ = State::starting;
  OciProcess oci_;
  std::string oci_text_;
  Fd agent_;
  pid_t init_ = 0;
  Fd init_pidfd_;
  bool connected_ = false;  ///< to the network
  bool go_ = false;         ///< the engine's firewall knows the container
  bool program_started_ = false;
  ProgramStreams streams_;
  std::unique_ptr<LogWriter> log_;
  AttachSession session_;
  std::vector<std::unique_ptr<ExecSession>> execs_;
  std::vector<Client> clients_;
  std::int64_t started_us_ = 0;
  std::int64_t start_deadline_ms_ = 0;
  std::int64_t kill_at_ms_ = 0;   ///< 0: never
  std::int64_t leave_at_ms_ = 0;  ///< when ended: how long somebody may still come to attach
  bool exit_known_ = false;
  AgentExit exit_;
  bool forced_ = false;  ///< the grace period was over
  bool stopping_ = false;
  unsigned long long oom_kills_ = 0;
  std::int64_t ended_us_ = 0;
  std::string failure_;
};

}  // namespace berth::runtime::shim
