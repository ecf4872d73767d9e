// SPDX-License-Identifier: Apache-2.0
#include "tests/support/git_daemon.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/child_process.hpp"

namespace berth::test {

GitDaemon::GitDaemon(const std::filesystem::path& directory)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener_.get(), plain, size) == 0);
  REQUIRE(::listen(listener_.get(), 16) == 0);
  REQUIRE(::getsockname(listener_.get(), plain, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, directory] { serve(directory); });
}

GitDaemon::~GitDaemon() {
  ::shutdown(listener_.get(), SHUT_RDWR);  // accept() ends with an error
  thread_.join();
}

void GitDaemon::serve(const std::filesystem::path& directory) const {
  for (;;) {
    const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    auto child = ChildProcess::spawn(
        {.argv = {"git", "daemon", "--inetd", "--export-all", "--base-path=" + directory.string()},
         .stdin_fd = connection.get(),
         .stdout_fd = connection.get(),
         .stderr_fd = -1});
    if (child.has_value()) static_cast<void>(child->wait());
  }
}

std::string GitDaemon::url(const std::string& repository) const {
  return "git://127.0.0.1:" + std::to_string(port_) + "/" + repository;
}

}  // namespace berth::test
