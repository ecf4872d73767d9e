// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/listeners.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

namespace berth::runtime {

namespace {

/// ::ffff:a.b.c.d, as the kernel has it.
bool is_mapped(std::string_view address) {
  return address.size() == 32 && address.starts_with("0000000000000000FFFF0000");
}

/// "0100007F" and "…0100007F" behind ::ffff: are 127.0.0.1, since each word is in host byte order.
bool is_loopback(std::string_view address) {
  if (address.size() == 8) return address.substr(6) == "7F";
  if (address == "00000000000000000000000001000000") return true;
  return is_mapped(address) && address.substr(30) == "7F";
}

}  // namespace

std::vector<ListeningSocket> parse_listeners(std::string_view table) {
  std::vector<ListeningSocket> result;
  while (!table.empty()) {
    const auto end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    std::string_view fields[4];
    for (auto& field : fields) {
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      const auto stop = std::min(line.find(' '), line.size());
      field = line.substr(0, stop);
      line.remove_prefix(stop);
    }
    const auto colon = fields[1].find(':');
    if (fields[3] != "0A" || colon == std::string_view::npos) continue;  // TCP_LISTEN
    ListeningSocket socket;
    const std::string_view port = fields[1].substr(colon + 1);
    std::from_chars(port.data(), port.data() + port.size(), socket.port, 16);
    const std::string_view address = fields[1].substr(0, colon);
    socket.loopback = is_loopback(address);
    socket.ipv6 = address.size() == 32 && !is_mapped(address);
    result.push_back(socket);
  }
  return result;
}

std::string listeners_text(const std::vector<ListeningSocket>& sockets) {
  std::string result;
  for (const ListeningSocket& socket : sockets)
    result += (result.empty() ? "" : " ") + std::to_string(socket.port) +
              (socket.loopback ? "l" : "") + (socket.ipv6 ? "v" : "");
  return result;
}

std::vector<ListeningSocket> listeners_of_text(std::string_view text) {
  std::vector<ListeningSocket> result;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    ListeningSocket socket;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), socket.port);
    if (read.ec != std::errc() || socket.port <= 0 || socket.port > 65'535) continue;
    socket.loopback = word.find('l') != std::string_view::npos;
    socket.ipv6 = word.ends_with('v');
    result.push_back(socket);
  }
  return result;
}

namespace {

struct Family {
  const char* sockets;
  const char* counts;
  std::string_view count;
};
constexpr Family tcp{"net/tcp", "net/sockstat", "TCP: inuse "};
constexpr Family tcp6{"net/tcp6", "net/sockstat6", "TCP6: inuse "};

std::string read_in(const Fd& process, const char* name) {
  const Fd file(::openat(process.get(), name, O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[8192];
  ssize_t count = 0;
  while (file && (count = ::read(file.get(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

std::vector<ListeningSocket> listeners_of(const Fd& process, const Family& family) {
  // To list none takes milliseconds: the kernel looks through all that the machine has.
  const std::string counts = read_in(process, family.counts);
  const auto at = counts.find(family.count);
  if (at != std::string::npos && counts[at + family.count.size()] == '0') return {};
  return parse_listeners(read_in(process, family.sockets));
}

}  // namespace

std::vector<ListeningSocket> listeners_of(const Fd& process) {
  auto result = listeners_of(process, tcp);
  for (const auto& socket : listeners_of(process, tcp6)) result.push_back(socket);
  return result;
}

bool listens_by_ipv6(const Fd& process) {
  return std::ranges::any_of(listeners_of(process, tcp6),
                             [](const ListeningSocket& socket) { return !socket.loopback; });
}

namespace {

std::string loopback_address(const std::vector<ListeningSocket>& sockets, int port) {
  const bool ipv4 = std::ranges::any_of(sockets, [&](const ListeningSocket& socket) {
    return socket.loopback && !socket.ipv6 && socket.port == port;
  });
  return ipv4 ? "127.0.0.1" : "[::1]";
}

}  // namespace

ReadinessVerdict Readiness::look(const std::vector<ListeningSocket>& sockets,
                                 std::chrono::milliseconds age) {
  using Kind = ReadinessVerdict::Kind;
  int other = 0;
  int loopback = 0;
  for (const auto& socket : sockets) {
    if (!socket.loopback && socket.port == port_) return {Kind::ready, port_, {}};
    int& found = socket.loopback ? loopback : other;
    if (found == 0 || socket.port < found || (socket.loopback && socket.port == port_))
      found = socket.loopback && found == port_ ? found : socket.port;
  }
  if (other == 0)
    other_since_.reset();
  else if (!other_since_)
    other_since_ = age;
  if (loopback == 0 || other != 0)
    loopback_since_.reset();
  else if (!loopback_since_)
    loopback_since_ = age;

  const std::string wanted = std::to_string(port_);
  if (other_since_ && age - *other_since_ >= other_port_after)
    return {Kind::ready, other,
            "listens on port " + std::to_string(other) + " instead of $PORT (" + wanted +
                "); requests are sent there"};
  if (loopback_since_ && age - *loopback_since_ >= loopback_after)
    return {Kind::loopback_only, loopback,
            "listens on " + loopback_address(sockets, loopback) + ":" + std::to_string(loopback) +
                " only, where no request can reach it; listen on 0.0.0.0:$PORT instead"};
  if (age >= boot_timeout_)
    return {Kind::boot_timeout, 0,
            "Error R10 (Boot timeout): nothing listened on $PORT (" + wanted + ") within " +
                std::to_string(
                    std::chrono::duration_cast<std::chrono::seconds>(boot_timeout_).count()) +
                " seconds of the start"};
  return {};
}

}  // namespace berth::runtime
