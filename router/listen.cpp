// SPDX-License-Identifier: Apache-2.0
#include "router/listen.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>

namespace berth::router {

namespace {

struct Address {
  sockaddr_storage value{};
  socklen_t size = 0;

  [[nodiscard]] std::uint16_t port() const {
    return ntohs(value.ss_family == AF_INET
                     ? reinterpret_cast<const sockaddr_in&>(value).sin_port
                     : reinterpret_cast<const sockaddr_in6&>(value).sin6_port);
  }
};

Result<Address> parse(std::string_view text) {
  const Error invalid{ErrorKind::invalid, "'" + std::string(text) +
                                              "' is not an address to listen on; write it like "
                                              "0.0.0.0:8080 or [::]:8080"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid;
  std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size()) return invalid;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.value);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.value);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof v6;
  } else {
    return invalid;
  }
  return address;
}

Result<Fd> bind_socket(const Address& address, bool share, std::string_view text) {
  Fd socket(::socket(address.value.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  // Accepted sockets inherit both. Of an answer that a slow client has not been sent, the kernel
  // holds this much and not the 4 MB that it would: a thousand of them would take the memory that
  // it has for all connections of the machine. Less would cost time with quick clients.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  constexpr int unsent = 1 << 20;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.value), address.size) == 0)
    return socket;
  if (errno == EADDRINUSE)
    return Error{ErrorKind::conflict,
                 "port " + std::to_string(address.port()) +
                     " is already in use by another process; stop it (`ss -ltnp` shows it) or "
                     "choose another port"};
  return system_error("listen on " + std::string(text));
}

}  // namespace

Result<TcpListeners> listen_tcp(std::string_view text, std::size_t count,
                                std::vector<Fd> inherited) {
  BERTH_ASSIGN(Address address, parse(text));
  // Port 0: the others take the port that the first was given.
  const auto take_port = [&address](const Fd& socket) {
    socklen_t size = sizeof address.value;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.value), &size);
  };
  TcpListeners listeners;
  listeners.sockets = std::move(inherited);
  if (!listeners.sockets.empty())
    take_port(listeners.sockets.front());
  else if (address.port() != 0)
    BERTH_TRY(bind_socket(address, false, text));
  while (listeners.sockets.size() < count) {
    BERTH_ASSIGN(Fd socket, bind_socket(address, true, text));
    if (::listen(socket.get(), 4096) != 0) return system_error("listen on " + std::string(text));
    take_port(socket);
    listeners.sockets.push_back(std::move(socket));
  }
  listeners.port = address.port();
  return listeners;
}

}  // namespace berth::router
