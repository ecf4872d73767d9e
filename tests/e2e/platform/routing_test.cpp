// SPDX-License-Identifier: Apache-2.0
//
// What an app may say of its requests on their way: where they come from, which it takes.
#include <fmt/format.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

/// One request as curl makes it: "200 BODY", with the status first.
std::string ask(Platform& berth, std::string_view host, std::string_view path,
                std::vector<std::string> more = {}) {
  std::vector<std::string> argv = {
      "curl", "--silent", "--show-error", "--max-time", "20", "--connect-to",
      fmt::format("::127.0.0.1:{}", berth.router_port()), "--write-out", "\n%{http_code}",
      fmt::format("http://{}:{}{}", host, berth.router_port(), path)};
  argv.insert(argv.end(), more.begin(), more.end());
  const auto ran = run_program({.argv = argv});
  REQUIRE(ran.has_value());
  if (ran->status.code != 0) return ran->err;
  const std::size_t line = ran->out.rfind('\n');
  return ran->out.substr(line + 1) + " " + ran->out.substr(0, line);
}

TEST_CASE("a path of a domain is another app's, and a wildcard takes the names that are left") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("static-site", "front");
  berth.deploy("two-process", "back");
  berth.must({"domains:add", "shop.test", "--app", "front"});
  berth.must({"domains:add", "*.shop.test", "--app", "front"});
  const std::string added = berth.must({"domains:add", "Shop.test/back/", "--app", "back"});
  CHECK(added.find("Added shop.test/back to back") != std::string::npos);

  const std::string front = ask(berth, "shop.test", "/");
  CHECK(front.starts_with("200 "));
  CHECK(ask(berth, "a.b.shop.test", "/") == front);
  const std::string back = "200 Hello from the web process\n";
  CHECK(eventually([&] { return ask(berth, "shop.test", "/back/x") == back; }));
  CHECK(ask(berth, "shop.test", "/backs") == ask(berth, "front.localhost", "/backs"));

  const Output taken = berth.cli({"domains:add", "shop.test/back", "--app", "front"});
  CHECK(taken.err.find("belongs to the app back") != std::string::npos);
  berth.must({"domains:remove", "shop.test/back", "--app", "back"});
  CHECK(eventually([&] {
    return ask(berth, "shop.test", "/back/x") == ask(berth, "front.localhost", "/back/x");
  }));
  berth.destroy("front");
  berth.destroy("back");
}

}  // namespace
}  // namespace berth::test
