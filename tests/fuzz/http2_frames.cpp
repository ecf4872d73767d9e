// SPDX-License-Identifier: Apache-2.0
//
// A running router that is sent any frames: behind the preface comes the input.
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "router/router.hpp"

namespace {

using namespace berth;

/// Its app has no replica that answers: a port that nobody listens on.
struct Target {
  TempDir directory = TempDir::create("/tmp", "berth-fuzz-").value();
  std::unique_ptr<router::Router> router;
  Target() {
    router::Options options;
    options.listen = {"127.0.0.1:0"};
    options.threads = 1;
    options.table_file = directory.path() / "table.json";
    static_cast<void>(write_file(
        options.table_file,
        R"({"version":1,"apps":[{"name":"a","state":"running","replicas":[{"id":"r",)"
        R"("name":"web.1","address":"127.0.0.1","port":1}]},)"
        R"({"name":"b","state":"crashed","replicas":[]}],)"
        R"("hosts":{"a":"a","b":"b"}})"));
    router = router::Router::start(options).value();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Target target;
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(target.router->ports().front());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    std::abort();
  std::string bytes(NGHTTP2_CLIENT_MAGIC);
  bytes.append("\0\0\0\4\0\0\0\0\0", 9).append(reinterpret_cast<const char*>(data), size);
  static_cast<void>(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ::shutdown(socket.get(), SHUT_WR);
  char answer[4096];
  while (::recv(socket.get(), answer, sizeof answer, 0) > 0) {
  }
  return 0;
}
