// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/listeners.hpp"

#include <algorithm>
#include <charconv>

namespace berth::runtime {

namespace {

/// "0100007F" and "…0100007F" behind ::ffff: are 127.0.0.1, since each word is in host byte order.
bool is_loopback(std::string_view address) {
  if (address.size() == 8) return address.substr(6) == "7F";
  if (address == "00000000000000000000000001000000") return true;
  return address.size() == 32 && address.starts_with("0000000000000000FFFF0000") &&
         address.substr(30) == "7F";
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
    socket.loopback = is_loopback(fields[1].substr(0, colon));
    result.push_back(socket);
  }
  return result;
}

std::string listeners_text(const std::vector<ListeningSocket>& sockets) {
  std::string result;
  for (const ListeningSocket& socket : sockets)
    result += (result.empty() ? "" : " ") + std::to_string(socket.port) +
              (socket.loopback ? "l" : "");
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
    socket.loopback = word.ends_with('l');
    result.push_back(socket);
  }
  return result;
}

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
            "listens on 127.0.0.1:" + std::to_string(loopback) +
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
