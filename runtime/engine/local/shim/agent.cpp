// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/agent.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/listeners.hpp"
#include "runtime/engine/local/shim/native/confine.hpp"
#include "runtime/engine/local/shim/program.hpp"
#include "runtime/engine/local/shim/terminal_relay.hpp"

namespace berth::runtime::shim {

namespace {

constexpr int control_fd = 3;

struct Connection {
  Fd socket;
  pid_t program = 0;  ///< its session leader; 0: none
  std::unique_ptr<TerminalRelay> relay = {};  ///< of a terminal that is kept here
};

class Agent final {
 public:
  Agent(Fd control, Fd signals) : signals_(std::move(signals)) {
    connections_.push_back({.socket = std::move(control)});
  }

  int serve() {
    for (;;) {
      std::vector<pollfd> entries = {{signals_.get(), POLLIN, 0}};
      for (const auto& connection : connections_)
        entries.push_back({connection.socket.get(), POLLIN, 0});
      const std::size_t sockets_end = entries.size();
      std::vector<TerminalRelay*> relays;
      for (const auto& connection : connections_) {
        if (!connection.relay) continue;
        relays.push_back(connection.relay.get());
        connection.relay->poll_for(entries);
      }
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      for (std::size_t i = 0; i < relays.size(); ++i)
        relays[i]->handle(&entries[sockets_end + i * TerminalRelay::poll_entries]);
      if (entries[0].revents && !reap()) return 0;
      // New connections are appended while we go; they are polled next time.
      for (std::size_t i = 1; i < sockets_end; ++i)
        if (entries[i].revents && !read_from(connections_[i - 1])) return 0;
      std::erase_if(connections_, [](const Connection& entry) { return !entry.socket; });
    }
  }

 private:
  /// False when the shim is gone: the container ends with this process.
  bool read_from(Connection& connection) {
    AgentPacket packet;
    const int got = receive_packet(connection.socket.get(), packet);
    if (got > 0) {
      // A reference into the vector does not survive `serve`, so it is the last thing done.
      handle(connection, packet);
      return true;
    }
    if (&connection == &connections_.front()) return false;
    if (connection.program != 0) kill_session(connection.program, others_run(connection));
    connection.socket.reset();
    return true;
  }

  void handle(Connection& connection, AgentPacket& packet) {
    AgentRun run;
    AgentSignal signal;
    AgentWindow window;
    if (packet.type == AgentMessage::filter) {
      if (auto loaded = load_filter(packet.payload); loaded.has_error())
        (void)send_packet(connection.socket.get(), AgentMessage::failed, loaded.error().message);
    } else if (packet.type == AgentMessage::run && decode(packet.payload, run)) {
      start(connection, run, packet.fds);
    } else if (packet.type == AgentMessage::signal && decode(packet.payload, signal)) {
      const int number = static_cast<int>(signal.number);
      const bool typed =
          !signal.everyone && connection.relay && connection.relay->signal(number);
      if (signal.everyone) ::kill(-1, number);
      else if (connection.program > 0 && !typed) ::kill(-connection.program, number);
    } else if (packet.type == AgentMessage::window && decode(packet.payload, window)) {
      if (connection.relay) connection.relay->resize(window.columns, window.rows);
    } else if (packet.type == AgentMessage::listeners) {
      // Of the container, in gVisor's own network, which nobody sees from outside.
      const Fd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
      (void)send_packet(connection.socket.get(), AgentMessage::listeners,
                        listeners_text(listeners_of(self)));
    } else if (packet.type == AgentMessage::serve && packet.fds.size() == 1) {
      connections_.push_back({.socket = std::move(packet.fds.front())});
    }
  }

  void start(Connection& connection, const AgentRun& run, std::vector<Fd>& fds) {
    if (connection.program != 0) return;
    std::vector<Fd> kept;  // start_program() closes what it gets
    if (run.terminal && fds.size() == 2) kept.swap(fds);
    auto started = start_program(run, fds);
    if (started.has_error()) {
      (void)send_packet(connection.socket.get(), AgentMessage::failed, started.error().message);
      return;
    }
    connection.program = started->pid;
    if (!kept.empty())
      connection.relay = std::make_unique<TerminalRelay>(
          std::move(started->terminal), std::move(kept[0]), std::move(kept[1]));
    const int master = started->terminal.get();
    (void)send_packet(connection.socket.get(), AgentMessage::started, {}, &master,
                      started->terminal ? 1 : 0);
  }

  /// False when the program of the shim's connection has ended: it is what the container is for.
  bool reap() {
    signalfd_siginfo ignored;
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {}
    int status = 0;
    pid_t pid;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
      for (auto& connection : connections_) {
        if (connection.program != pid) continue;
        const bool alone = !others_run(connection);
        connection.program = 0;
        const bool main = &connection == &connections_.front();
        if (!main) kill_session(pid, !alone);
        if (connection.relay) connection.relay->finish();
        connection.relay.reset();
        AgentExit exit;
        if (WIFSIGNALED(status)) exit.signal = static_cast<std::uint32_t>(WTERMSIG(status));
        else exit.code = static_cast<std::uint32_t>(WEXITSTATUS(status));
        (void)send_packet(connection.socket.get(), AgentMessage::exited, encode(exit));
        if (main) return false;
        break;
      }
    }
    return true;
  }

  [[nodiscard]] bool others_run(const Connection& self) const {
    for (const auto& connection : connections_)
      if (&connection != &self && connection.program != 0) return true;
    return false;
  }

  Fd signals_;
  std::vector<Connection> connections_;  ///< the first is the shim's
};

}  // namespace

int run_agent() {
  // The programs run under our uid in a replica: they must not trace us or read our descriptors.
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_NAME, "berth-init");
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  Fd signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  Fd control(control_fd);
  if (!signals || ::fcntl(control_fd, F_SETFD, FD_CLOEXEC) != 0) return 1;
  if (!send_packet(control_fd, AgentMessage::hello)) return 1;
  return Agent(std::move(control), std::move(signals)).serve();
}

}  // namespace berth::runtime::shim
