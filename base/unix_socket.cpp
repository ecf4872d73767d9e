// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "base/file.hpp"

namespace berth {

namespace {

/// sun_path holds 107 bytes; a longer path is reached through its directory's descriptor.
struct Address {
  sockaddr_un value{};
  Fd directory;
};

Result<Address> address_of(const std::filesystem::path& path) {
  Address address;
  address.value.sun_family = AF_UNIX;
  std::string text = path.string();
  if (text.size() >= sizeof address.value.sun_path) {
    BERTH_ASSIGN(address.directory, open_file(path.parent_path(), O_PATH | O_DIRECTORY));
    text = "/proc/self/fd/" + std::to_string(address.directory.get()) + "/" +
           path.filename().string();
    if (text.size() >= sizeof address.value.sun_path)
      return Error{ErrorKind::invalid, "socket name too long: " + path.string()};
  }
  std::memcpy(address.value.sun_path, text.c_str(), text.size() + 1);
  return address;
}

}  // namespace

Result<Fd> connect_unix(const std::filesystem::path& path) {
  BERTH_ASSIGN(Address address, address_of(path));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address.value), sizeof address.value) !=
      0)
    return system_error("connect to " + path.string());
  return socket;
}

Result<Fd> listen_unix(const std::filesystem::path& path, int backlog) {
  BERTH_ASSIGN(Address address, address_of(path));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  if (!connect_unix(path).has_error())
    return Error{ErrorKind::conflict, "another process listens on " + path.string()};
  ::unlink(path.c_str());
  // Between bind and chmod the umask keeps others out.
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address.value), sizeof address.value);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return system_error("bind " + path.string(), error);
  if (::listen(socket.get(), backlog) != 0) return system_error("listen on " + path.string());
  return socket;
}

namespace {

Result<ucred> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return system_error("peer credentials");
  return credentials;
}

}  // namespace

Result<uid_t> peer_uid(int socket) {
  BERTH_ASSIGN(const ucred credentials, peer_credentials(socket));
  return credentials.uid;
}

Result<pid_t> peer_pid(int socket) {
  BERTH_ASSIGN(const ucred credentials, peer_credentials(socket));
  return credentials.pid;
}

}  // namespace berth
