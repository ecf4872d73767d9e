// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"

namespace berth {
namespace {

struct Directory {
  TempDir directory = TempDir::create(std::filesystem::temp_directory_path()).value();
};

void check_exchange(const std::filesystem::path& path) {
  auto listener = listen_unix(path);
  REQUIRE_MESSAGE(listener.has_value(), listener.error().message);
  auto client = connect_unix(path);
  REQUIRE_MESSAGE(client.has_value(), client.error().message);
  const Fd peer(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(peer);
  REQUIRE_FALSE(write_all(client->get(), "hello").has_error());
  char buffer[16];
  CHECK(::read(peer.get(), buffer, sizeof buffer) == 5);
  CHECK(*peer_uid(peer.get()) == ::getuid());
}

TEST_CASE("two ends meet by path, and each knows who the other is") {
  const Directory here;
  check_exchange(here.directory.path() / "socket");
}

TEST_CASE("a path longer than the kernel's 107 bytes works too") {
  const Directory here;
  const auto deep = here.directory.path() / std::string(100, 'a') / std::string(100, 'b');
  REQUIRE_FALSE(make_directories(deep).has_error());
  check_exchange(deep / "socket");
}

TEST_CASE("a name that fits in no way is refused") {
  const Directory here;
  CHECK(listen_unix(here.directory.path() / std::string(200, 'x')).error().kind ==
        ErrorKind::invalid);
}

TEST_CASE("the socket is for its owner alone") {
  const Directory here;
  const auto listener = listen_unix(here.directory.path() / "socket");
  struct stat status {};
  REQUIRE(::stat((here.directory.path() / "socket").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
}

TEST_CASE("a socket that answers is another's; one left behind is replaced") {
  const Directory here;
  const auto path = here.directory.path() / "socket";
  {
    const auto first = listen_unix(path);
    REQUIRE(first.has_value());
    const auto second = listen_unix(path);
    REQUIRE(second.has_error());
    CHECK(second.error().kind == ErrorKind::conflict);
  }
  CHECK(std::filesystem::exists(path));
  CHECK(connect_unix(path).has_error());
  CHECK(listen_unix(path).has_value());
}

TEST_CASE("where nothing is, connecting says so") {
  const Directory here;
  const auto missing = connect_unix(here.directory.path() / "socket");
  REQUIRE(missing.has_error());
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().message.find("socket: No such file or directory") != std::string::npos);
}

}  // namespace
}  // namespace berth
