// SPDX-License-Identifier: Apache-2.0
//
// What is said to the agent, the first process of every container (berth-shim in its agent role),
// over SOCK_SEQPACKET sockets: one packet a message, a type byte and then the payload, descriptors
// beside it. One connection has one program at a time. The agent ends, and all of the container
// with it, when its first connection (the shim's) ends; a program is killed when its connection
// ends. Shared with the static shim: no exceptions, nothing but libc and strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace berth::runtime {

enum class AgentMessage : char {
  /// To the agent: AgentRun. Descriptors 0, 1, 2; with a terminal none, or two for its bytes, in
  /// and out, where its master descriptor cannot be sent.
  run = 'r',
  filter = 'f',   ///< to the agent, where its container has none: of system calls, from now on
  signal = 'k',   ///< to the agent: AgentSignal
  window = 'w',   ///< to the agent: AgentWindow, of a terminal that it kept
  serve = 's',    ///< to the agent: one descriptor, a further connection
  listeners = 'l',  ///< to the agent: what listens? From it: listeners_text()
  hello = 'h',    ///< from the agent, once, on the first connection: the container is made
  started = 'S',  ///< from the agent: the program runs; with a terminal its master descriptor
  failed = 'F',   ///< from the agent: it could not be started; a sentence
  exited = 'x',   ///< from the agent: AgentExit
};

struct AgentRun {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< NAME=value, the whole environment
  std::string working_directory = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool terminal = false;
  std::uint32_t columns = 80;
  std::uint32_t rows = 24;
  friend bool operator==(const AgentRun&, const AgentRun&) = default;
};

struct AgentSignal {
  std::uint32_t number = 0;
  bool everyone = false;  ///< every process of the container instead of the program's session
  friend bool operator==(const AgentSignal&, const AgentSignal&) = default;
};

struct AgentWindow {
  std::uint32_t columns = 80;
  std::uint32_t rows = 24;
  friend bool operator==(const AgentWindow&, const AgentWindow&) = default;
};

struct AgentExit {
  std::uint32_t code = 0;
  std::uint32_t signal = 0;
  friend bool operator==(const AgentExit&, const AgentExit&) = default;
};

[[nodiscard]] std::string encode(const AgentRun& run);
[[nodiscard]] std::string encode(const AgentSignal& signal);
[[nodiscard]] std::string encode(const AgentWindow& window);
[[nodiscard]] std::string encode(const AgentExit& exit);
[[nodiscard]] bool decode(std::string_view payload, AgentRun& run);
[[nodiscard]] bool decode(std::string_view payload, AgentSignal& signal);
[[nodiscard]] bool decode(std::string_view payload, AgentWindow& window);
[[nodiscard]] bool decode(std::string_view payload, AgentExit& exit);

struct AgentPacket {
  AgentMessage type{};
  std::string payload;
  std::vector<Fd> fds;
  int sender_pid = 0;  ///< in our pid namespace, if the socket has SO_PASSCRED
};

/// Ends of a connection with room for a large environment; false and errno on failure.
[[nodiscard]] bool agent_socket_pair(Fd& ours, Fd& theirs);
/// False and errno on failure.
[[nodiscard]] bool send_packet(int socket, AgentMessage type, std::string_view payload = {},
                               const int* fds = nullptr, unsigned fd_count = 0);
/// 1: a packet; 0: the other side is gone; -1: errno (EAGAIN with MSG_DONTWAIT and nothing there).
[[nodiscard]] int receive_packet(int socket, AgentPacket& packet, int flags = 0);

}  // namespace berth::runtime
