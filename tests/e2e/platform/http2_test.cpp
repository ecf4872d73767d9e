// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 and gRPC of a whole platform, with curl as the client.
#include <fmt/format.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

TEST_CASE("pages are served by HTTP/2, and a call of gRPC reaches its app and comes back whole") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("grpc-calls", "calls");
  const std::string url = fmt::format("http://calls.localhost:{}", berth.router_port());
  const auto curl = [&](const std::string& path, std::vector<std::string> more,
                        const std::string& input = {}) {
    std::vector<std::string> argv = {
        "curl", "--silent", "--show-error", "--include", "--http2-prior-knowledge", "--connect-to",
        fmt::format("::127.0.0.1:{}", berth.router_port()), "--max-time", "20", url + path};
    argv.insert(argv.end(), more.begin(), more.end());
    const auto ran = run_program({.argv = argv}, input);
    REQUIRE(ran.has_value());
    CHECK_MESSAGE(ran->status.success(), ran->err);
    return ran->out;
  };
  const std::string page = curl("/", {});
  CHECK_MESSAGE(page.starts_with("HTTP/2 200"), page);
  CHECK_MESSAGE(page.ends_with("by HTTP/1.1"), page);

  const std::string message("\0\0\0\0\5hello", 10);
  for (int i = 0; i < 3; ++i) {
    const std::string answer =
        curl("/greeter.Greeter/Hello",
             {"--header", "content-type: application/grpc", "--data-binary", "@-"}, message);
    CHECK_MESSAGE(answer.starts_with("HTTP/2 200"), answer);
    CHECK(answer.find("\r\n\r\n" + message) != std::string::npos);
    CHECK_MESSAGE(answer.find("grpc-status: 0\r\n") != std::string::npos, answer);
    CHECK_MESSAGE(answer.find("x-called: /greeter.Greeter/Hello\r\n") != std::string::npos, answer);
  }
}

}  // namespace
}  // namespace berth::test
