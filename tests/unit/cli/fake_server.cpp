// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fake_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace berth::test {

namespace {

void send_text(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool receive_more(int socket, std::string& into) {
  char buffer[8192];
  const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
  if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

bool read_request(int socket, Asked& asked) {
  std::string text;
  while (text.find("\r\n\r\n") == std::string::npos)
    if (!receive_more(socket, text)) return false;
  const std::size_t head = text.find("\r\n\r\n") + 4;
  std::size_t at = text.find("\r\n");
  const std::string line = text.substr(0, at);
  asked.method = line.substr(0, line.find(' '));
  asked.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
  for (at += 2; at + 2 < head;) {
    const std::size_t end = text.find("\r\n", at);
    const std::size_t colon = text.find(':', at);
    std::string name = text.substr(at, colon - at);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    asked.headers[name] = text.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const auto length = asked.headers.find("content-length");
  const std::size_t body = length == asked.headers.end() ? 0 : std::stoul(length->second);
  while (text.size() < head + body)
    if (!receive_more(socket, text)) return false;
  asked.body = text.substr(head, body);
  return true;
}

}  // namespace

void FakeServer::Stream::begin(std::string_view type) {
  send_text(socket_, fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n"
                                 "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
                                 type));
}

void FakeServer::Stream::piece(std::string_view bytes) {
  send_text(socket_, fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
}

void FakeServer::Stream::end() { send_text(socket_, "0\r\n\r\n"); }

FakeServer::FakeServer(int port) {
  listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 16) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0)
    throw std::runtime_error("the fake server cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeServer::~FakeServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
}

void FakeServer::accept_loop() {
  for (;;) {
    const int socket = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void FakeServer::serve(int socket) {
  Asked asked;
  if (read_request(socket, asked)) {
    const std::string key = asked.method + " " + asked.target;
    Route route;
    StreamRoute stream;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(asked);
      if (const auto found = routes_.find(key); found != routes_.end()) route = found->second;
      if (const auto found = streams_.find(key); found != streams_.end()) stream = found->second;
    }
    if (stream) {
      stream(asked, Stream(socket));
    } else {
      Answer answer{
          .status = 404,
          .body = R"({"id":"not_found","resource":"app","message":"Couldn't find that app."})"};
      if (route) answer = route(asked);
      std::string head = fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
                                     answer.status, answer.body.size());
      for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
      send_text(socket, head + "\r\n" + answer.body);
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, socket);
  ::close(socket);
}

void FakeServer::on(const std::string& key, Route route) {
  const std::lock_guard lock(mutex_);
  routes_[key] = std::move(route);
}

void FakeServer::on(const std::string& key, Answer answer) {
  on(key, Route([answer](const Asked&) { return answer; }));
}

void FakeServer::stream(const std::string& key, StreamRoute route) {
  const std::lock_guard lock(mutex_);
  streams_[key] = std::move(route);
}

std::vector<Asked> FakeServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

Asked FakeServer::last(const std::string& key) const {
  for (const auto all = asked(); const auto& one : std::vector(all.rbegin(), all.rend()))
    if (one.method + " " + one.target == key) return one;
  throw std::runtime_error("nobody asked " + key);
}

int FakeServer::count(const std::string& key) const {
  return static_cast<int>(std::ranges::count_if(
      asked(), [&](const Asked& one) { return one.method + " " + one.target == key; }));
}

}  // namespace berth::test
