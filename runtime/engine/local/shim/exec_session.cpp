// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/exec_session.hpp"

#include <signal.h>
#include <sys/socket.h>

#include <string>

namespace berth::runtime::shim {

Result<std::unique_ptr<ExecSession>> ExecSession::begin(int agent, std::string_view program,
                                                        Fd peer, bool keeps_terminal) {
  std::unique_ptr<ExecSession> session(new ExecSession(std::move(peer)));
  BERTH_TRY(session->start(agent, program, keeps_terminal));
  return session;
}

Result<void> ExecSession::start(int agent, std::string_view program, bool keeps_terminal) {
  AgentRun run;
  if (!decode(program, run)) return Error{ErrorKind::invalid, "the command cannot be read"};
  Fd theirs;
  if (!agent_socket_pair(agent_, theirs)) return system_error("socket pair");
  const int connection = theirs.get();
  if (!send_packet(agent, AgentMessage::serve, {}, &connection, 1))
    return system_error("talk to the agent");
  return streams_.send_program(agent_.get(), program,
                               {.input = true, .terminal = run.terminal, .kept = keeps_terminal});
}

void ExecSession::poll_for(std::vector<pollfd>& entries) const {
  const auto add = [&entries](int fd, int events) {
    entries.push_back({fd, static_cast<short>(events), 0});
  };
  const bool started = !peer_;
  add(exited_ ? -1 : agent_.get(), POLLIN);
  add(started && session_.has_room() ? streams_.output() : -1, POLLIN);
  add(streams_.waiting_input(), POLLOUT);
  add(started ? session_.fd() : -1,
      (streams_.has_room() ? POLLIN : 0) | (session_.wants_write() ? POLLOUT : 0));
}

void ExecSession::handle(const pollfd* entries) {
  if (entries[1].revents) read_output();
  if (entries[0].revents && !over_) on_agent();
  if (entries[2].revents) streams_.on_writable();
  if (entries[3].revents & POLLOUT) session_.on_writable();
  if (entries[3].revents & (POLLIN | POLLHUP | POLLERR) && session_.connected())
    session_.on_readable(*this);
  // The agent kills the program of a connection that ends.
  if (!peer_ && (!session_.connected() || (exited_ && session_.idle()))) over_ = true;
}

void ExecSession::on_agent() {
  AgentPacket packet;
  const int got = receive_packet(agent_.get(), packet, MSG_DONTWAIT);
  if (got < 0) return;
  AgentExit exit{.code = 0, .signal = SIGKILL};  // of a container that ended as a whole
  if (got > 0 && packet.type == AgentMessage::started) return on_started(packet);
  if (peer_) {
    say(got > 0 && packet.type == AgentMessage::failed ? "error " + packet.payload
                                                       : "error the replica has ended");
    over_ = true;
    return;
  }
  if (got > 0 && (packet.type != AgentMessage::exited || !decode(packet.payload, exit))) return;
  finish(exit);
}

void ExecSession::on_started(AgentPacket& packet) {
  if (!packet.fds.empty()) streams_.use_terminal(std::move(packet.fds.front()));
  say("ok");
  session_.connect(std::move(peer_), {}, *this);
}

void ExecSession::read_output() {
  const std::string_view bytes = streams_.read();
  if (!bytes.empty()) session_.output(bytes);
}

/// Its session was killed with it, so that what can be read now is all there is.
void ExecSession::finish(const AgentExit& exit) {
  while (streams_.open() && streams_.readable()) read_output();
  streams_.close_output();
  exited_ = true;
  session_.exit(static_cast<int>(exit.code), static_cast<int>(exit.signal));
}

void ExecSession::resize(unsigned columns, unsigned rows) {
  streams_.resize(columns, rows);
  if (streams_.terminal_is_kept())
    (void)send_packet(agent_.get(), AgentMessage::window, encode(AgentWindow{columns, rows}));
}

void ExecSession::say(std::string_view line) {
  std::string text(line);
  for (char& byte : text)
    if (byte == '\n') byte = ' ';
  text.push_back('\n');
  (void)::send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

void ExecSession::signal(int number) {
  if (number <= 0 || number > SIGRTMAX || streams_.signal_terminal(number)) return;
  const AgentSignal wish{.number = static_cast<std::uint32_t>(number), .everyone = false};
  (void)send_packet(agent_.get(), AgentMessage::signal, encode(wish));
}

}  // namespace berth::runtime::shim
