// SPDX-License-Identifier: Apache-2.0
//
// berth-git-hook: git's pre-receive hook. It tells the server which refs a push wants to move, then
// relays what the server says: build output to the pusher, and the verdict as its exit status. All
// policy is the server's; a server that goes away refuses the push.
//
// To the server: one line of JSON. From it: frames of a type byte, a 4-byte big-endian length and
// as many bytes: 'o' is output, 'x' one byte, the exit status.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t longest_input = 16 << 20;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool read_exactly(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::read(fd, to, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::string> read_input() {
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t count = ::read(0, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 || text.size() > longest_input) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

/// git's lines "old new ref" as the "updates" of the request.
std::string updates_json(std::string_view input) {
  std::string result;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    const auto first = line.find(' ');
    const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (second == line.npos) continue;
    result += (result.empty() ? "{\"old\":" : ",{\"old\":") + quoted(line.substr(0, first)) +
              ",\"new\":" + quoted(line.substr(first + 1, second - first - 1)) +
              ",\"ref\":" + quoted(line.substr(second + 1)) + "}";
  }
  return "[" + result + "]";
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

/// The server's verdict; nothing if it went away without one.
std::optional<int> relay(int server) {
  for (;;) {
    unsigned char head[5];
    if (!read_exactly(server, reinterpret_cast<char*>(head), sizeof head)) return std::nullopt;
    std::uint32_t length = static_cast<std::uint32_t>(head[1]) << 24 |
                           static_cast<std::uint32_t>(head[2]) << 16 |
                           static_cast<std::uint32_t>(head[3]) << 8 | head[4];
    if (head[0] == 'x') {
      unsigned char code = 1;
      if (length != 1 || !read_exactly(server, reinterpret_cast<char*>(&code), 1))
        return std::nullopt;
      return code;
    }
    std::array<char, 16384> buffer;
    while (length > 0) {
      const std::size_t count = std::min<std::size_t>(length, buffer.size());
      if (!read_exactly(server, buffer.data(), count)) return std::nullopt;
      // A pusher that hung up does not end the relay: the server decides what becomes of the build.
      if (head[0] == 'o') write_all(1, {buffer.data(), count});
      length -= static_cast<std::uint32_t>(count);
    }
  }
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);  // A server or a pusher that went away is an error to handle.
  const auto input = read_input();
  if (!input) {
    std::fputs("the push could not be read\n", stderr);
    return 1;
  }
  char directory[PATH_MAX];
  if (!::getcwd(directory, sizeof directory)) {
    std::perror("current directory");
    return 1;
  }
  const int server = connect_to(variable("BERTH_HOOK_SOCKET"));
  if (server < 0) {
    std::fputs("the platform is not running; push again when it is\n", stderr);
    return 1;
  }
  const std::string request = "{\"push\":" + quoted(variable("BERTH_PUSH_ID")) +
                              ",\"repository\":" + quoted(directory) +
                              ",\"quarantine\":" + quoted(variable("GIT_QUARANTINE_PATH")) +
                              ",\"updates\":" + updates_json(*input) + "}\n";
  const auto verdict = write_all(server, request) ? relay(server) : std::nullopt;
  if (verdict) return *verdict;
  std::fputs("the platform restarted during the build; push again\n", stderr);
  return 1;
}
