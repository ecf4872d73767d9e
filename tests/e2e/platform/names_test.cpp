// SPDX-License-Identifier: Apache-2.0
//
// Names inside an app, with the resolver that its programs have.
#include <fmt/format.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// What a one-off of the app gets from there, or why it does not.
std::string fetch(Platform& berth, const std::string& app, const std::string& url) {
  const Output output = berth.cli(
      {"run", "-a", app, "--no-tty", "--",
       fmt::format("python3 -c \"import urllib.request as u; "
                   "print(u.urlopen('{}', timeout=5).read().decode(), end='')\"",
                   url)});
  return output.out + output.err;
}

TEST_CASE("a process type is reached by its name inside its app, and from nowhere else") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("internal-names", "inside");
  berth.must({"ps:scale", "api=2", "-a", "inside"});
  REQUIRE(eventually([&] {
    return fetch(berth, "inside", "http://api.internal:7000/hello.txt") ==
           "From the api process\n";
  }, 60s));
  CHECK(fetch(berth, "inside", "http://web.internal:5000/hello.txt") == "From the web process\n");
  const std::string nobody = fetch(berth, "inside", "http://nobody.internal:7000/");
  CHECK_MESSAGE(nobody.find("URLError") != std::string::npos, nobody);

  berth.deploy("static-site", "outside");
  const std::string stranger = fetch(berth, "outside", "http://api.internal:7000/hello.txt");
  CHECK_MESSAGE(stranger.find("URLError") != std::string::npos, stranger);
  CHECK(berth.get("inside", "/hello.txt").body == "From the web process\n");

  // Where it may not connect outside, it is still at home.
  berth.must({"network:egress", "none", "-a", "inside"});
  CHECK(fetch(berth, "inside", "http://api.internal:7000/hello.txt") == "From the api process\n");
  for (const char* app : {"inside", "outside"}) berth.destroy(app);
}

}  // namespace
}  // namespace berth::test
