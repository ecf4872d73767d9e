// SPDX-License-Identifier: Apache-2.0
#include "router/handover.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>

#include "base/json.hpp"
#include "base/unix_socket.hpp"

namespace berth::router {

namespace {

constexpr timeval patience{.tv_sec = 10, .tv_usec = 0};
constexpr std::size_t most_bytes = 64 << 20;

void be_patient(int socket) {
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/// All of it, with the descriptor at its first byte.
Result<void> send_all(int socket, std::string_view text, int descriptor = -1) {
  for (std::size_t sent = 0; sent < text.size();) {
    iovec part{const_cast<char*>(text.data()) + sent, text.size() - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> space{};
    if (descriptor >= 0 && sent == 0) {
      header.msg_control = space.data();
      header.msg_controllen = space.size();
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_SOCKET;
      control->cmsg_type = SCM_RIGHTS;
      control->cmsg_len = CMSG_LEN(sizeof descriptor);
      std::memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
    }
    const ssize_t count = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("hand the router over");
    sent += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> send_line(int socket, const json::object& message, int descriptor = -1) {
  return send_all(socket, to_text(message) + "\n", descriptor);
}

/// Lines and the descriptors that came with them, in their order.
class Reader final {
 public:
  explicit Reader(int socket) : socket_(socket) {}

  Result<json::object> line() {
    for (std::size_t searched = 0;;) {
      const auto end = input_.find('\n', searched);
      if (end != std::string::npos) {
        auto message = parse_json_object(std::string_view(input_).substr(0, end));
        input_.erase(0, end + 1);
        return message;
      }
      searched = input_.size();
      BERTH_TRY(read_more());
    }
  }

  Result<Fd> descriptor() {
    if (descriptors_.empty())
      return Error{ErrorKind::unavailable, "the router gave a listener without its socket"};
    Fd next = std::move(descriptors_.front());
    descriptors_.pop_front();
    return next;
  }

 private:
  Result<void> read_more() {
    std::array<char, 65536> bytes;
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> space{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = space.data();
    header.msg_controllen = space.size();
    const ssize_t count = ::recvmsg(socket_, &header, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) return {};
    if (count < 0) return system_error("take the router over");
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control;
         control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t number = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < number; ++i) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(control) + i * sizeof descriptor, sizeof descriptor);
        descriptors_.emplace_back(descriptor);
      }
    }
    if (count == 0)
      return Error{ErrorKind::unavailable, "the router that runs ended the handover"};
    input_.append(bytes.data(), static_cast<std::size_t>(count));
    if (input_.size() > most_bytes)
      return Error{ErrorKind::limit, "the router that runs sent a line of more than 64 MiB"};
    return {};
  }

  int socket_;
  std::string input_;
  std::deque<Fd> descriptors_;
};

}  // namespace

std::filesystem::path handover_socket(const std::filesystem::path& control_socket) {
  return control_socket.string() + ".handover";
}

Result<Handover> ask_for_handover(const std::filesystem::path& control_socket) {
  Handover handover;
  BERTH_ASSIGN(handover.connection,
               with_context(connect_unix(handover_socket(control_socket)),
                            "no router runs there that could be replaced"));
  be_patient(handover.connection.get());
  Reader reader(handover.connection.get());
  for (;;) {
    BERTH_ASSIGN(const json::object message, reader.line());
    BERTH_ASSIGN(const std::string type, require_string(message, "type"));
    if (type == "listener") {
      BERTH_ASSIGN(Fd socket, reader.descriptor());
      BERTH_ASSIGN(std::string kind, require_string(message, "kind"));
      BERTH_ASSIGN(std::string address, require_string(message, "address"));
      handover.listeners.push_back({std::move(kind), std::move(address), std::move(socket)});
    } else if (type == "table") {
      const json::object* table = optional_object(message, "table");
      if (!table) return Error{ErrorKind::invalid, "the router that runs gave no table"};
      BERTH_ASSIGN(handover.table, table_from_json(*table));
      return handover;
    }
  }
}

Result<void> hand_over(int connection, const std::vector<HandedListener>& listeners,
                       const Table& table) {
  be_patient(connection);
  for (const HandedListener& listener : listeners)
    BERTH_TRY(send_line(connection,
                        {{"type", "listener"}, {"kind", listener.kind},
                         {"address", listener.address}},
                        listener.socket.get()));
  return send_line(connection, {{"type", "table"}, {"table", to_json(table)}});
}

std::vector<Fd> Handover::take(std::string_view kind, std::string_view address) {
  std::vector<Fd> taken;
  for (HandedListener& listener : listeners)
    if (listener.kind == kind && listener.address == address && listener.socket)
      taken.push_back(std::move(listener.socket));
  return taken;
}

Result<void> Handover::finish() const {
  return send_all(connection.get(), take_line);
}

}  // namespace berth::router
