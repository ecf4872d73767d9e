// SPDX-License-Identifier: Apache-2.0
//
// The event loop of server.hpp. A connection alternates between reading a head and sending an
// answer; what a client pipelines waits in its input buffer meanwhile.
#include "buildpacks/static/server/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <vector>

namespace berth::site {
namespace {

constexpr int drain_seconds = 10;
constexpr std::size_t sendfile_chunk = 1 << 20;

std::int64_t now_s() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

// The Date header of this second.
const std::string& date_field() {
  static std::string text;
  static std::time_t made_at = 0;
  const std::time_t now = time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 48> buffer{};
    strftime(buffer.data(), buffer.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    text = buffer.data();
    made_at = now;
  }
  return text;
}

Fd try_listen(int family, std::uint16_t port) {
  Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int on = 1;
  const int off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  socklen_t size = 0;
  if (family == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    size = sizeof v4;
  }
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return {};
  if (listen(fd.get(), 1024) != 0) return {};
  return fd;
}

}  // namespace

Fd listen_on(std::uint16_t port) {
  Fd fd = try_listen(AF_INET6, port);
  return fd || errno == EADDRINUSE ? std::move(fd) : try_listen(AF_INET, port);
}

std::uint16_t port_of(const Fd& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

Server::Server(Fd listener, Site site) : Server(std::move(listener), std::move(site), Limits{}) {}

Server::Server(Fd listener, Site site, Limits limits)
    : listener_(std::move(listener)),
      site_(std::move(site)),
      limits_(limits),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void Server::set_accepting(bool accepting) {
  if (accepting == accepting_) return;
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener_.get()}};
  epoll_ctl(epoll_.get(), accepting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_.get(), &event);
  accepting_ = accepting;
}

void Server::run(const Fd& stop) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = stop.get()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop.get(), &event);
  set_accepting(true);
  std::array<epoll_event, 128> events{};
  std::int64_t swept_at = now_s();
  std::int64_t drained_by = 0;
  while (!stopping_ || !connections_.empty()) {
    // With nobody connected there is nothing to time out, and the process sleeps.
    const int timeout_ms = connections_.empty() ? -1 : 1000;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == stop.get()) {
        stopping_ = true;
        drained_by = now_s() + drain_seconds;
        set_accepting(false);
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop.get(), nullptr);
      } else if (fd == listener_.get()) {
        accept_all();
      } else {
        serve(fd);
      }
    }
    const std::int64_t now = now_s();
    if (now != swept_at || stopping_) sweep(now);
    swept_at = now;
    if (stopping_ && now >= drained_by) break;
  }
}

void Server::accept_all() {
  while (connections_.size() < limits_.connections) {
    Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      // Out of descriptors: stop listening until a connection ends, or the loop would spin.
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) set_accepting(false);
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    const int fd = socket.get();
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) continue;
    Connection& connection = connections_[fd];
    connection.socket = std::move(socket);
    connection.deadline_s = now_s() + limits_.head_seconds;
    serve(fd);  // the request is often there already
  }
  set_accepting(false);
}

void Server::close(int fd) {
  connections_.erase(fd);  // closing takes it out of the epoll set
  if (!stopping_) set_accepting(true);
}

// Drives one connection until it would block.
void Server::serve(int fd) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  while (true) {
    if (connection.sending) {
      if (!send_some(connection)) return close(fd);
      if (connection.sending) return watch(connection, true);
      if (connection.close_after) return close(fd);
      connection.deadline_s = now_s() + limits_.idle_seconds;
    }
    if (start_answer(connection)) continue;
    if (stopping_ && connection.input.empty()) return close(fd);
    if (!read_some(connection)) {
      if (connection.peer_closed || errno != EAGAIN) return close(fd);
      return watch(connection, false);
    }
  }
}

// False: nothing more to read now (EAGAIN), or the connection is over.
bool Server::read_some(Connection& connection) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t count = recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (count == 0) connection.peer_closed = true;
  if (count <= 0) return count < 0 && errno == EINTR;
  if (connection.input.empty()) connection.deadline_s = now_s() + limits_.head_seconds;
  connection.input.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

// Begins the answer to the first whole request in the input, if there is one.
bool Server::start_answer(Connection& connection) {
  std::string& input = connection.input;
  while (input.starts_with("\r\n")) input.erase(0, 2);  // RFC 9112, 2.2
  const auto end = input.find("\r\n\r\n");
  if (end == std::string::npos && input.size() <= limits_.head_bytes) return false;
  if (end == std::string::npos || end > limits_.head_bytes) {
    connection.close_after = true;
    begin(connection, Site::plain(431, "431 Request Header Fields Too Large"), nullptr);
    return true;
  }
  const std::string head = input.substr(0, end + 4);
  input.erase(0, end + 4);
  const auto request = parse_request(head);
  if (!request) {
    connection.close_after = true;
    begin(connection, Site::plain(400, "400 Bad Request"), nullptr);
    return true;
  }
  // A body is never read, so nothing after it can be: answer and close.
  connection.close_after = !request->keep_alive || request->has_body || stopping_;
  begin(connection, site_.answer(*request), &*request);
  return true;
}

void Server::begin(Connection& connection, Answer answer, const Request* request) {
  connection.output = std::move(answer.head);
  connection.output += date_field();
  if (connection.close_after) connection.output += "Connection: close\r\n";
  connection.output += "\r\n";
  if (request != nullptr && request->method == Method::head) {
    answer.file.reset();
  } else if (!answer.file) {
    connection.output += answer.body;
  }
  if (!answer.file) answer.length = 0;
  connection.answer = std::move(answer);
  connection.written = 0;
  connection.sending = true;
  connection.deadline_s = now_s() + limits_.send_seconds;
}

// False: the connection is broken. `sending` is false once everything is with the kernel.
bool Server::send_some(Connection& connection) {
  const int fd = connection.socket.get();
  Answer& answer = connection.answer;
  while (connection.written < connection.output.size()) {
    const int more = answer.length > 0 ? MSG_MORE : 0;
    const ssize_t count = send(fd, connection.output.data() + connection.written,
        connection.output.size() - connection.written, MSG_NOSIGNAL | more);
    if (count < 0 && errno == EAGAIN) return true;
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) connection.written += static_cast<std::size_t>(count);
  }
  while (answer.length > 0) {
    auto offset = static_cast<off_t>(answer.offset);
    const ssize_t count = sendfile(fd, answer.file.get(), &offset,
        std::min<std::uint64_t>(answer.length, sendfile_chunk));
    if (count < 0 && errno == EAGAIN) return true;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;  // also a file that shrank: the length is already promised
    answer.offset += static_cast<std::uint64_t>(count);
    answer.length -= static_cast<std::uint64_t>(count);
    connection.deadline_s = now_s() + limits_.send_seconds;
  }
  answer = Answer{};
  connection.sending = false;
  return true;
}

void Server::watch(Connection& connection, bool write) {
  if (connection.wants_write == write) return;
  const int fd = connection.socket.get();
  epoll_event event{.events = write ? EPOLLOUT : EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  connection.wants_write = write;
}

void Server::sweep(std::int64_t now) {
  std::vector<int> over;
  for (const auto& [fd, connection] : connections_) {
    const bool idle = !connection.sending && connection.input.empty();
    if (now >= connection.deadline_s || (stopping_ && idle)) over.push_back(fd);
  }
  for (const int fd : over) close(fd);
}

}  // namespace berth::site
