// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/name_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "runtime/engine/local/listeners.hpp"

namespace berth::runtime {

namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t longest_packet = 1024;  ///< a question is shorter
constexpr std::chrono::seconds look_interval{1};

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
  ipv6_.erase(address);
}

void NameServer::set_ipv6(std::uint32_t address, const IpAddress& address6, const Fd& process) {
  const std::scoped_lock lock(mutex_);
  if (ipv6_.contains(address)) return;
  if (Fd own(::fcntl(process.get(), F_DUPFD_CLOEXEC, 0)); own)
    ipv6_.emplace(address, Ipv6{.address = address6, .process = std::move(own)});
}

std::optional<IpAddress> NameServer::ipv6_of(std::uint32_t address) {
  const auto found = ipv6_.find(address);
  if (found == ipv6_.end()) return std::nullopt;
  Ipv6& ipv6 = found->second;
  const auto now = std::chrono::steady_clock::now();
  if (!ipv6.listens && now - ipv6.looked >= look_interval) {
    ipv6.looked = now;
    ipv6.listens = listens_by_ipv6(ipv6.process);
  }
  return ipv6.listens ? std::optional(ipv6.address) : std::nullopt;
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
                             ntohl(from.sin_addr.s_addr),
                             [this](std::uint32_t address) { return ipv6_of(address); });
    }
    if (answer)
      (void)!::sendto(socket_.get(), answer->data(), answer->size(), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&from), length);
  }
}

}  // namespace berth::runtime
