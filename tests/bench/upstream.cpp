// SPDX-License-Identifier: Apache-2.0
//
// The replica of the router's benchmark: one epoll thread on several ports that answers every
// request with keep-alive, /10k with 10 KiB, all else with 128 bytes. As cheap as can be, so that
// the proxies are what is measured. Prints its ports and runs until it is killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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

}  // namespace

int main(int argc, char** argv) {
  const int ports = argc > 1 ? std::atoi(argv[1]) : 4;
  const std::string small = answer(128);
  const std::string large = answer(10 * 1024);
  const int epoll = ::epoll_create1(0);
  bool is_listener[max_fd] = {};
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
        epoll_event event{EPOLLIN, {.fd = client}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) {
        ::close(fd);
        continue;
      }
      // A request comes in one piece here; where it does not, its end counts.
      const std::string_view request(buffer, static_cast<std::size_t>(size));
      if (!request.ends_with("\r\n\r\n")) continue;
      const std::string& out = request.starts_with("GET /10k") ? large : small;
      if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) ::close(fd);
    }
  }
}
