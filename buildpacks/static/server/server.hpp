// SPDX-License-Identifier: Apache-2.0
//
// One thread, one epoll, sendfile: serves a Site over HTTP/1.1 with keep-alive and pipelining.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "base/fd.hpp"
#include "buildpacks/static/server/site.hpp"

namespace berth::site {

// Listens on every address, IPv6 and IPv4 (IPv4 alone where the kernel has no IPv6). Port 0 takes a
// free one. A bad Fd with errno set on failure.
[[nodiscard]] Fd listen_on(std::uint16_t port);
[[nodiscard]] std::uint16_t port_of(const Fd& listener);

class Server final {
 public:
  // The limits are for a server behind a router: idle connections outlive the router's own limit,
  // so that the router, not this side, closes them.
  struct Limits {
    std::size_t head_bytes = 16 * 1024;
    std::size_t connections = 10'000;
    int head_seconds = 30;
    int idle_seconds = 150;
    int send_seconds = 60;  // without any progress
  };

  Server(Fd listener, Site site);
  Server(Fd listener, Site site, Limits limits);

  // Serves until `stop` becomes readable, then finishes the answers under way, for at most 10 s.
  void run(const Fd& stop);

 private:
  struct Connection {
    Fd socket;
    std::string input;
    Answer answer;
    std::string output;        // the head, and the body if it is no file
    std::size_t written = 0;   // of output
    bool sending = false;
    bool close_after = false;
    bool peer_closed = false;
    std::int64_t deadline_s = 0;
    bool wants_write = false;
  };

  void accept_all();
  void serve(int fd);
  [[nodiscard]] bool read_some(Connection& connection);
  [[nodiscard]] bool start_answer(Connection& connection);
  [[nodiscard]] bool send_some(Connection& connection);
  void begin(Connection& connection, Answer answer, const Request* request);
  void watch(Connection& connection, bool write);
  void close(int fd);
  void sweep(std::int64_t now_s);
  void set_accepting(bool accepting);

  Fd listener_;
  Site site_;
  Limits limits_;
  Fd epoll_;
  std::unordered_map<int, Connection> connections_;
  bool accepting_ = false;
  bool stopping_ = false;
};

}  // namespace berth::site
