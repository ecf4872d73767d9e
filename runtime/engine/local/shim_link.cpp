// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim_link.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <sstream>

namespace berth::runtime {

ShimReport parse_shim_line(std::string_view line) {
  ShimReport report;
  if (line.starts_with("failed ")) {
    report.kind = ShimReport::Kind::failed;
    report.message = line.substr(7);
    return report;
  }
  if (line.starts_with("listeners ")) {
    report.kind = ShimReport::Kind::listeners;
    report.message = line.substr(10);
    return report;
  }
  std::istringstream fields{std::string(line)};
  std::string word;
  long long us = 0;
  fields >> word;
  if (word == "note") report.kind = ShimReport::Kind::note;
  if (word == "started" && fields >> report.pid >> us) report.kind = ShimReport::Kind::started;
  if (word == "exited" &&
      fields >> report.code >> report.signal >> report.oom_kills >> report.forced >> us)
    report.kind = ShimReport::Kind::exited;
  report.at = Time(std::chrono::microseconds(us));
  return report;
}

void ShimLink::send(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  (void)::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

bool ShimLink::receive() {
  char bytes[4096];
  iovec part{bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) {
    ended_ = true;
    return false;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    note_ = Fd(fd);
  }
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

ShimReport ShimLink::poll() {
  for (;;) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      ShimReport report = parse_shim_line(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
      if (report.kind != ShimReport::Kind::none) return report;
      continue;
    }
    if (ended_) return {.kind = ShimReport::Kind::gone};
    if (!receive() && !ended_) return {};
  }
}

ShimReport ShimLink::wait(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    ShimReport report = poll();
    if (report.kind != ShimReport::Kind::none) return report;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return {};
    pollfd entry{socket_.get(), POLLIN, 0};
    (void)::poll(&entry, 1, static_cast<int>(left.count()));
  }
}

void ShimLink::close_commands() { ::shutdown(socket_.get(), SHUT_WR); }

}  // namespace berth::runtime
