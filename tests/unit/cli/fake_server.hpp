// SPDX-License-Identifier: Apache-2.0
//
// A small HTTP/1.1 server on a free port of the loopback, one thread a connection, one request a
// connection. Routes answer from memory; what was asked is kept for the test to read.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "base/json.hpp"

namespace berth::test {

struct Asked {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

struct Answer {
  int status = 200;
  std::string body = "{}";
  std::map<std::string, std::string> headers = {};
};

class FakeServer {
 public:
  /// The connection of a request that a route answers itself, piece by piece, as a chunked body.
  class Stream {
   public:
    explicit Stream(int socket) : socket_(socket) {}
    void begin(std::string_view type);
    void piece(std::string_view bytes);
    void end();
    [[nodiscard]] int socket() const { return socket_; }

   private:
    int socket_;
  };
  using Route = std::function<Answer(const Asked&)>;
  using StreamRoute = std::function<void(const Asked&, Stream)>;

  /// Port 0 takes a free one; another takes over the address of a server that was stopped.
  explicit FakeServer(int port = 0);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  /// `key` is "METHOD /target"; anything else is 404 with an error body.
  void on(const std::string& key, Route route);
  void on(const std::string& key, Answer answer);
  void json(const std::string& key, std::string_view body) {
    on(key, Answer{.body = std::string(body)});
  }
  void stream(const std::string& key, StreamRoute route);

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Asked> asked() const;
  /// The last request of that key; fails the test if there was none.
  [[nodiscard]] Asked last(const std::string& key) const;
  [[nodiscard]] int count(const std::string& key) const;

 private:
  void accept_loop();
  void serve(int socket);

  mutable std::mutex mutex_;
  std::map<std::string, Route> routes_;
  std::map<std::string, StreamRoute> streams_;
  std::vector<Asked> asked_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
  Fd listener_;
  int port_ = 0;
  std::thread acceptor_;
};

}  // namespace berth::test
