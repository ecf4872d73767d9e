// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/agent_protocol.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace berth::runtime {

namespace {

constexpr std::size_t packet_limit = 8 << 20;
constexpr unsigned fd_limit = 4;

void put(std::string& to, std::uint32_t number) {
  char bytes[4];
  std::memcpy(bytes, &number, 4);
  to.append(bytes, 4);
}
void put(std::string& to, std::string_view text) {
  put(to, static_cast<std::uint32_t>(text.size()));
  to.append(text);
}
void put(std::string& to, const std::vector<std::string>& list) {
  put(to, static_cast<std::uint32_t>(list.size()));
  for (const auto& text : list) put(to, std::string_view(text));
}

bool take(std::string_view& from, std::uint32_t& number) {
  if (from.size() < 4) return false;
  std::memcpy(&number, from.data(), 4);
  from.remove_prefix(4);
  return true;
}
bool take(std::string_view& from, bool& flag) {
  std::uint32_t number = 0;
  if (!take(from, number) || number > 1) return false;
  flag = number == 1;
  return true;
}
bool take(std::string_view& from, std::string& text) {
  std::uint32_t size = 0;
  if (!take(from, size) || from.size() < size) return false;
  text.assign(from.substr(0, size));
  from.remove_prefix(size);
  return true;
}
bool take(std::string_view& from, std::vector<std::string>& list) {
  std::uint32_t count = 0;
  // Every entry takes four bytes at least: a count beyond that is a lie, not a reason to allocate.
  if (!take(from, count) || from.size() / 4 < count) return false;
  list.assign(count, {});
  for (auto& text : list)
    if (!take(from, text)) return false;
  return true;
}

}  // namespace

std::string encode(const AgentRun& run) {
  std::string result;
  put(result, run.argv);
  put(result, run.env);
  put(result, std::string_view(run.working_directory));
  for (const std::uint32_t number :
       {run.uid, run.gid, run.terminal ? 1U : 0U, run.columns, run.rows})
    put(result, number);
  return result;
}

std::string encode(const AgentSignal& signal) {
  std::string result;
  put(result, signal.number);
  put(result, signal.everyone ? 1U : 0U);
  return result;
}

std::string encode(const AgentWindow& window) {
  std::string result;
  put(result, window.columns);
  put(result, window.rows);
  return result;
}

std::string encode(const AgentExit& exit) {
  std::string result;
  put(result, exit.code);
  put(result, exit.signal);
  return result;
}

bool decode(std::string_view payload, AgentRun& run) {
  return take(payload, run.argv) && take(payload, run.env) &&
         take(payload, run.working_directory) && take(payload, run.uid) && take(payload, run.gid) &&
         take(payload, run.terminal) && take(payload, run.columns) && take(payload, run.rows) &&
         payload.empty() && !run.argv.empty();
}

bool decode(std::string_view payload, AgentSignal& signal) {
  return take(payload, signal.number) && take(payload, signal.everyone) && payload.empty();
}

bool decode(std::string_view payload, AgentWindow& window) {
  return take(payload, window.columns) && take(payload, window.rows) && payload.empty();
}

bool decode(std::string_view payload, AgentExit& exit) {
  return take(payload, exit.code) && take(payload, exit.signal) && payload.empty();
}

bool agent_socket_pair(Fd& ours, Fd& theirs) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return false;
  ours = Fd(fds[0]);
  theirs = Fd(fds[1]);
  // A packet must fit the send buffer whole. FORCE needs CAP_NET_ADMIN; without it wmem_max rules.
  const int size = packet_limit;
  if (::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return true;
}

bool send_packet(int socket, AgentMessage type, std::string_view payload, const int* fds,
                 unsigned fd_count) {
  char kind = static_cast<char>(type);
  iovec parts[2] = {{&kind, 1}, {const_cast<char*>(payload.data()), payload.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * fd_limit)] = {};
  if (fd_count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    std::memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
  }
  ssize_t sent;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

namespace {

void take_control(msghdr& message, AgentPacket& packet) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      packet.sender_pid = credentials.pid;
    }
    if (header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      packet.fds.emplace_back(fd);
    }
  }
}

}  // namespace

int receive_packet(int socket, AgentPacket& packet, int flags) {
  packet = {};
  // Of a peer that went without reading what we sent, the kernel tells that first, once, and its
  // last words after.
  bool reset = false;
  const auto again = [&reset] {
    return errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true));
  };
  ssize_t size;
  do size = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | flags);
  while (size < 0 && again());
  if (size < 0) return -1;
  if (size == 0) return 0;
  if (static_cast<std::size_t>(size) > packet_limit + 1) {
    errno = EMSGSIZE;
    return -1;
  }
  char kind = 0;
  packet.payload.resize(static_cast<std::size_t>(size) - 1);
  iovec parts[2] = {{&kind, 1}, {packet.payload.data(), packet.payload.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * fd_limit) + CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  do size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
  while (size < 0 && again());
  if (size <= 0) return size < 0 ? -1 : 0;
  take_control(message, packet);
  packet.type = static_cast<AgentMessage>(kind);
  return 1;
}

}  // namespace berth::runtime
