// SPDX-License-Identifier: Apache-2.0
//
// The replica of the router's benchmark: one epoll thread on several ports that answers every
// request with keep-alive, /10k with 10 KiB, /1g with 1 GiB (and serves nobody else meanwhile), all
// else with 128 bytes; /ws switches protocols and sends back what comes. As cheap as can be, so
// that the proxies are what is measured. Prints its ports and runs until it is killed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr int max_fd = 1 << 16;

std::string answer(std::size_t size) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(size) +
         "\r\n\r\n" + std::string(size, 'x');
}

int listen_on_any_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 4096) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  return fd;
}

void send_large(int fd) {
  constexpr std::size_t total = std::size_t{1} << 30;
  static const std::string block(1 << 18, 'x');
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n";
  ::fcntl(fd, F_SETFL, 0);
  bool fine = ::send(fd, head.data(), head.size(), MSG_NOSIGNAL) > 0;
  for (std::size_t sent = 0; fine && sent < total;) {
    const ssize_t size =
        ::send(fd, block.data(), std::min(block.size(), total - sent), MSG_NOSIGNAL);
    fine = size > 0;
    sent += static_cast<std::size_t>(size);
  }
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

}  // namespace

int main(int argc, char** argv) {
  const int ports = argc > 1 ? std::atoi(argv[1]) : 4;
  const std::string small = answer(128);
  const std::string large = answer(10 * 1024);
  const std::string switched =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  const int epoll = ::epoll_create1(0);
  bool is_listener[max_fd] = {};
  bool is_echo[max_fd] = {};
  for (int i = 0; i < ports; ++i) {
    const int fd = listen_on_any_port();
    is_listener[fd] = true;
    epoll_event event{EPOLLIN, {.fd = fd}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  std::fflush(stdout);
  static char buffer[1 << 16];
  for (;;) {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (is_listener[fd]) {
        const int client = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0 || client >= max_fd) continue;
        is_echo[client] = false;
        epoll_event event{EPOLLIN, {.fd = client}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) {
        ::close(fd);
        continue;
      }
      if (is_echo[fd]) {
        if (::send(fd, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) < 0) ::close(fd);
        continue;
      }
      // A request comes in one piece here; where it does not, its end counts.
      const std::string_view request(buffer, static_cast<std::size_t>(size));
      if (!request.ends_with("\r\n\r\n")) continue;
      if (request.starts_with("GET /1g")) {
        send_large(fd);
        continue;
      }
      if (request.starts_with("GET /ws")) {
        is_echo[fd] = true;
        ::send(fd, switched.data(), switched.size(), MSG_NOSIGNAL);
        continue;
      }
      const std::string& out = request.starts_with("GET /10k") ? large : small;
      if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) ::close(fd);
    }
  }
}
