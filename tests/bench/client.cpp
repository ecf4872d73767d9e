// SPDX-License-Identifier: Apache-2.0
//
// The clients of the router's benchmark that wrk has not, on one epoll thread each:
//   bench_client rate PORT HOST SECONDS REQUESTS_A_SECOND CONNECTIONS
//     requests at their times whatever the answers do; prints p50 and p99 in microseconds, from the
//     time that a request was due (a slow proxy cannot slow down the clock), requests and failures
//   bench_client websocket PORT HOST SECONDS CONNECTIONS
//     one message of 128 bytes there and back at a time on each; prints messages and failures
//   bench_client idle PORT HOST CONNECTIONS
//     one request on each, then they are kept until standard input ends; prints how many there are
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  std::perror("connect");
  std::exit(1);
}

void watch(int epoll, int fd) {
  epoll_event event{EPOLLIN, {.fd = fd}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

bool send_all(int fd, std::string_view text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

/// An answer to a small request comes in one piece here.
bool is_whole_answer(std::string_view bytes) {
  return bytes.starts_with("HTTP/1.1 200") && bytes.ends_with("xxxx");
}

std::string request(std::string_view path, std::string_view host, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" +
         std::string(more) + "\r\n";
}

int measure_rate(int port, const std::string& host, int seconds, int rate, int connections) {
  // It never sleeps, so that it is never late; the upstream, on the same CPU, goes first.
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  const std::string text = request("/", host);
  const int epoll = ::epoll_create1(0);
  std::deque<int> free;
  std::vector<Clock::time_point> due(1 << 16);
  for (int i = 0; i < connections; ++i) {
    free.push_back(connect_to(port));
    watch(epoll, free.back());
  }
  const microseconds apart(1'000'000 / rate);
  const auto total = static_cast<std::size_t>(seconds) * static_cast<std::size_t>(rate);
  std::vector<std::int64_t> latencies;
  std::size_t sent = 0;
  std::size_t failures = 0;
  const auto begun = Clock::now();
  char buffer[1 << 14];
  while (latencies.size() + failures < total && Clock::now() < begun + std::chrono::seconds(60)) {
    for (; sent < total && !free.empty() && begun + sent * apart <= Clock::now(); ++sent) {
      const int fd = free.front();
      free.pop_front();
      due[static_cast<std::size_t>(fd)] = begun + sent * apart;
      if (!send_all(fd, text)) ++failures;
    }
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, events, 64, 0);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0 || !is_whole_answer({buffer, static_cast<std::size_t>(size)})) {
        ++failures;
        if (size <= 0) ::close(fd);
        if (size <= 0) continue;
      } else {
        latencies.push_back((Clock::now() - due[static_cast<std::size_t>(fd)]) / microseconds(1));
      }
      free.push_back(fd);
    }
  }
  std::ranges::sort(latencies);
  const auto at = [&](double part) {
    return latencies.empty() ? 0
                             : latencies[static_cast<std::size_t>(
                                   part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("%lld %lld %zu %zu\n", static_cast<long long>(at(0.5)),
              static_cast<long long>(at(0.99)), latencies.size(), failures);
  return 0;
}

int measure_websocket(int port, const std::string& host, int seconds, int connections) {
  const std::string upgrade =
      request("/ws", host,
              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  // A binary frame of 128 bytes with a mask of zeros.
  const std::string frame =
      std::string("\x82\xfe\x00\x80", 4) + std::string(4, '\0') + std::string(128, 'm');
  const int epoll = ::epoll_create1(0);
  std::size_t failures = 0;
  char buffer[1 << 14];
  for (int i = 0; i < connections; ++i) {
    const int fd = connect_to(port);
    if (!send_all(fd, upgrade)) ++failures;
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (!std::string_view(buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0)))
             .starts_with("HTTP/1.1 101"))
      ++failures;
    watch(epoll, fd);
    if (!send_all(fd, frame)) ++failures;
  }
  std::vector<std::size_t> got(1 << 16);
  std::size_t messages = 0;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (Clock::now() < end) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, events, 64, 100);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) {
        ++failures;
        ::close(fd);
        continue;
      }
      std::size_t& bytes = got[static_cast<std::size_t>(fd)];
      bytes += static_cast<std::size_t>(size);
      if (bytes < frame.size()) continue;
      bytes -= frame.size();
      ++messages;
      if (!send_all(fd, frame)) ++failures;
    }
  }
  std::printf("%zu %zu\n", messages, failures);
  return 0;
}

int keep_idle(int port, const std::string& host, int connections) {
  const std::string text = request("/", host);
  char buffer[1 << 14];
  int there = 0;
  for (int i = 0; i < connections; ++i) {
    const int fd = connect_to(port);
    if (!send_all(fd, text)) break;
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size > 0 && is_whole_answer({buffer, static_cast<std::size_t>(size)})) ++there;
  }
  std::printf("%d\n", there);
  std::fflush(stdout);
  while (::read(STDIN_FILENO, buffer, sizeof buffer) > 0) continue;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit files{60'000, 60'000};
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::string_view mode = argc > 3 ? argv[1] : "";
  const auto number = [&](int i) { return std::atoi(argv[i]); };
  if (mode == "rate" && argc == 7)
    return measure_rate(number(2), argv[3], number(4), number(5), number(6));
  if (mode == "websocket" && argc == 6)
    return measure_websocket(number(2), argv[3], number(4), number(5));
  if (mode == "idle" && argc == 5) return keep_idle(number(2), argv[3], number(4));
  return 2;
}
