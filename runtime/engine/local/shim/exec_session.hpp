// SPDX-License-Identifier: Apache-2.0
//
// A further program in the container, for one peer: `berth ps:exec`, and health checks by command.
// It is a connection to the agent of its own; it ends with its program, or its peer.
#pragma once

#include <poll.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/agent_protocol.hpp"
#include "runtime/engine/local/shim/attach_session.hpp"
#include "runtime/engine/local/shim/program_streams.hpp"

namespace berth::runtime::shim {

class ExecSession final : private AttachTarget {
 public:
  /// `program` is an encoded AgentRun, `agent` the shim's own connection, which keeps terminals if
  /// `keeps_terminal`. The peer is told "ok" or "error SENTENCE" in a line; frames follow.
  [[nodiscard]] static Result<std::unique_ptr<ExecSession>> begin(int agent,
                                                                  std::string_view program,
                                                                  Fd peer, bool keeps_terminal);

  static constexpr std::size_t poll_entries = 4;
  /// Adds its entries; handle() gets them back.
  void poll_for(std::vector<pollfd>& entries) const;
  void handle(const pollfd* entries);
  [[nodiscard]] bool over() const { return over_; }

 private:
  explicit ExecSession(Fd peer) : peer_(std::move(peer)) {}

  [[nodiscard]] Result<void> start(int agent, std::string_view program, bool keeps_terminal);
  void on_agent();
  void on_started(AgentPacket& packet);
  void read_output();
  void finish(const AgentExit& exit);
  void say(std::string_view line);

  void input(std::string_view bytes) override { streams_.write(bytes); }
  void input_end() override { streams_.end_input(); }
  void resize(unsigned columns, unsigned rows) override;
  void signal(int number) override;

  Fd peer_;  ///< until the program has started; then the session's
  Fd agent_;
  ProgramStreams streams_;
  AttachSession session_;
  bool exited_ = false;
  bool over_ = false;
};

}  // namespace berth::runtime::shim
