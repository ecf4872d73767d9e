// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/name_server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace berth::runtime {

namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t longest_packet = 1024;  ///< a question is shorter

}  // namespace

Result<std::unique_ptr<NameServer>> NameServer::open(std::uint32_t address) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("open a socket for names");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(dns_port);
  at.sin_addr.s_addr = htonl(address);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    return system_error("listen for names on the bridge's address, UDP port 53");
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return system_error("eventfd");
  return std::unique_ptr<NameServer>(new NameServer(std::move(socket), std::move(wake)));
}

NameServer::NameServer(Fd socket, Fd wake)
    : socket_(std::move(socket)), wake_(std::move(wake)), thread_([this] { run(); }) {}

NameServer::~NameServer() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void NameServer::join(std::uint32_t address, std::uint32_t app, std::string_view type) {
  const std::scoped_lock lock(mutex_);
  table_.join(address, app, type);
}

void NameServer::set_serving(std::uint32_t address, bool serving) {
  const std::scoped_lock lock(mutex_);
  table_.set_serving(address, serving);
}

void NameServer::leave(std::uint32_t address) {
  const std::scoped_lock lock(mutex_);
  table_.leave(address);
}

void NameServer::run() {
  std::array<char, longest_packet> buffer;
  std::array<pollfd, 2> entries = {{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (::poll(entries.data(), entries.size(), -1) < 0 || entries[1].revents == 0) {
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t count = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
    if (count < 0) continue;
    std::optional<std::string> answer;
    {
      const std::scoped_lock lock(mutex_);
      answer = table_.answer({buffer.data(), static_cast<std::size_t>(count)},
                             ntohl(from.sin_addr.s_addr));
    }
    if (answer)
      (void)!::sendto(socket_.get(), answer->data(), answer->size(), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&from), length);
  }
}

}  // namespace berth::runtime
