// SPDX-License-Identifier: Apache-2.0
//
// The client's side of runtime/engine/attach_frame.hpp.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "runtime/engine/attach_frame.hpp"

namespace berth::test {

using runtime::AttachFrame;

class Peer {
 public:
  explicit Peer(Fd socket) : socket_(std::move(socket)) {}

  void send(AttachFrame type, std::string_view payload = {}) {
    const std::uint32_t size = htonl(static_cast<std::uint32_t>(payload.size()));
    std::string frame(1, static_cast<char>(type));
    frame.append(reinterpret_cast<const char*>(&size), 4).append(payload);
    REQUIRE(write_all(socket_.get(), frame).has_value());
  }
  /// Reads frames until the output holds the text or the program has exited.
  bool until(std::string_view text) {
    while (output.find(text) == std::string::npos)
      if (exited || !read_frame()) return output.find(text) != std::string::npos;
    return true;
  }
  bool until_exit() {
    while (!exited)
      if (!read_frame()) return false;
    return true;
  }

  std::string output;
  bool exited = false;
  int code = -1;
  int signal = -1;

 private:
  bool take(char* to, std::size_t size) {
    while (size > 0) {
      pollfd entry{socket_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 10'000) <= 0) return false;
      const ssize_t count = ::read(socket_.get(), to, size);
      if (count <= 0) return false;
      to += count;
      size -= static_cast<std::size_t>(count);
    }
    return true;
  }
  bool read_frame() {
    char header[5];
    if (!take(header, 5)) return false;
    std::uint32_t size = 0;
    std::memcpy(&size, header + 1, 4);
    std::string payload(ntohl(size), 0);
    if (!take(payload.data(), payload.size())) return false;
    if (header[0] == static_cast<char>(AttachFrame::data)) output += payload;
    if (header[0] == static_cast<char>(AttachFrame::exit)) {
      exited = true;
      code = payload.at(0);
      signal = payload.at(1);
    }
    return true;
  }
  Fd socket_;
};

}  // namespace berth::test
