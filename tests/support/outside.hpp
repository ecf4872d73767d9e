// SPDX-License-Identifier: Apache-2.0
//
// "The outside" of tests of the local engine: a network namespace of our own on a second bridge,
// with a server that tells each client its address, and a client that tries to come in.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <sstream>

#include "tests/support/container_bench.hpp"

#define SKIP_WITHOUT_IPV6()                                                        \
  if (const auto usable = berth::runtime::check_host_ipv6(); usable.has_error()) { \
    MESSAGE("SKIP: " << usable.error().message);                                   \
    return;                                                                        \
  }                                                                                \
  SKIP_WITHOUT_CONTAINERS()

namespace berth::test {

/// Of either family; IPv4 as IPv6 has it.
struct SocketAddress {
  sockaddr_in6 value{};
  explicit SocketAddress(const runtime::Endpoint& endpoint) {
    const auto address = IpAddress::parse(endpoint.address);
    REQUIRE(address.has_value());
    value.sin6_family = AF_INET6;
    value.sin6_port = htons(static_cast<std::uint16_t>(endpoint.port));
    std::memcpy(&value.sin6_addr, address->bytes().data(), address->bytes().size());
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&value); }
  static std::string text_of(const sockaddr_in6& from) {
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &from.sin6_addr, bytes.size());
    return IpAddress(bytes).text();
  }
};

/// Whether a connection from where we are to there succeeds within a second.
inline bool connects(const runtime::Endpoint& endpoint) {
  const SocketAddress to(endpoint);
  const Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return ::connect(socket.get(), to.get(), sizeof to.value) == 0;
}

/// A network of its own, with nothing in it but a loopback that is down.
class NetNamespace {
 public:
  NetNamespace() {
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool own = ::unshare(CLONE_NEWNET) == 0;
      (void)!::write(ready[1], own ? "y" : "n", 1);
      for (;;) ::pause();
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE(answer == 'y');
    namespace_ = *open_file("/proc/" + std::to_string(child_) + "/ns/net", O_RDONLY);
  }
  ~NetNamespace() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  /// In this thread.
  void inside(const std::function<void()>& act) const {
    const Fd ours = *open_file("/proc/thread-self/ns/net", O_RDONLY);
    REQUIRE(::setns(namespace_.get(), CLONE_NEWNET) == 0);
    act();
    REQUIRE(::setns(ours.get(), CLONE_NEWNET) == 0);
  }
  [[nodiscard]] int fd() const { return namespace_.get(); }
  [[nodiscard]] pid_t process() const { return child_; }

 private:
  pid_t child_ = -1;
  Fd namespace_;
};

class Outside {
 public:
  explicit Outside(const std::string& veth_prefix, bool ipv6 = false) : bridge_("o" + veth_prefix) {
    auto host = *runtime::Netlink::open();
    REQUIRE(host.delete_link(bridge_).has_value());
    REQUIRE(host.create_bridge(bridge_, 1400).has_value());
    const int index = *host.index_of(bridge_);
    REQUIRE(host.add_address(index, *runtime::parse_ipv4_prefix("203.0.113.1/24")).has_value());
    if (ipv6)
      REQUIRE(host.add_address(index, *IpAddress::parse("2001:db8:77::1"), 64).has_value());
    REQUIRE(host.set_up(index).has_value());
    REQUIRE(host.create_veth({.host_name = bridge_ + "v",
                              .peer_name = "eth0",
                              .peer_namespace = namespace_.fd(),
                              .bridge = index,
                              .mtu = 1400})
                .has_value());
    REQUIRE(host.set_up(*host.index_of(bridge_ + "v")).has_value());
    inside([&] {
      auto link = *runtime::Netlink::open();
      REQUIRE(
          link.add_address(*link.index_of("eth0"), *runtime::parse_ipv4_prefix("203.0.113.2/24"))
              .has_value());
      REQUIRE(link.set_up(*link.index_of("eth0")).has_value());
      const int eth0 = *link.index_of("eth0");
      REQUIRE(link.add_default_route(eth0, *IpAddress::parse("203.0.113.1")).has_value());
      if (ipv6) {
        REQUIRE(link.add_address(eth0, *IpAddress::parse("2001:db8:77::2"), 64).has_value());
        REQUIRE(link.add_default_route(eth0, *IpAddress::parse("2001:db8:77::1")).has_value());
      }
      listener_ = Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));  // and IPv4
      sockaddr_in6 at{};
      at.sin6_family = AF_INET6;
      socklen_t length = sizeof at;
      REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
      // Nobody accepts: what connects again and again must find room.
      REQUIRE(::listen(listener_.get(), 4096) == 0);
      const timeval patience{.tv_sec = 30, .tv_usec = 0};
      ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &length);
      port = std::to_string(ntohs(at.sin6_port));
    });
  }
  ~Outside() {
    auto host = runtime::Netlink::open();
    (void)host->delete_link(bridge_ + "v");
    (void)host->delete_link(bridge_);
  }
  /// The address that the next client seems to come from; one of nobody's if none comes.
  std::string accept_from() {
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    const Fd peer(::accept(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length));
    return SocketAddress::text_of(from);
  }
  /// What has arrived for the listener's clients that nobody read, in bytes.
  std::uint64_t unread() const {
    std::istringstream lines(
        *read_file("/proc/" + std::to_string(namespace_.process()) + "/net/tcp6"));
    std::uint64_t bytes = 0;
    std::string line, field;
    for (std::getline(lines, line); std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues;
      fields >> number >> local >> remote >> state >> queues;
      if (state == "01") bytes += std::stoull(queues.substr(queues.find(':') + 1), nullptr, 16);
    }
    return bytes;
  }
  /// Whether a connection from the outside to there succeeds within a second.
  bool reaches(const runtime::Endpoint& endpoint) {
    bool result = false;
    inside([&] { result = connects(endpoint); });
    return result;
  }
  void inside(const std::function<void()>& act) const { namespace_.inside(act); }
  std::string port;

 private:
  std::string bridge_;
  NetNamespace namespace_;
  Fd listener_;
};

}  // namespace berth::test
