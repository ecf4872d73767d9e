// SPDX-License-Identifier: Apache-2.0
//
// What a replica can see and reach: itself, the outside, nothing else. Tried from inside with the
// programs that an app has.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

/// What the command prints inside a one-off replica of the app.
std::string inside(Platform& berth, const std::string& app, const std::string& command) {
  const Output output = berth.cli({"run", "-a", app, "--no-tty", "--", command});
  return output.out + output.err;
}

/// A Python line that prints "open" or the reason why the address cannot be reached.
std::string connect_line(const std::string& address, int port) {
  return fmt::format(
      "python3 -c \"import socket; s=socket.socket(); s.settimeout(2); "
      "print('result', 'open' if s.connect_ex(('{}',{})) == 0 else 'closed')\"",
      address, port);
}

/// The address of the app's web replica, from the table that the router keeps.
std::string address_of(Platform& berth, const std::string& app) {
  std::string address;
  REQUIRE(eventually([&] {
    const auto table = parse_json_object(*read_file(berth.data() / "router-table.json"));
    if (table.has_error()) return false;
    for (const json::value& entry : table->at("apps").as_array())
      if (std::string_view(entry.at("name").as_string()) == app &&
          !entry.at("replicas").as_array().empty())
        address = entry.at("replicas").as_array()[0].at("address").as_string();
    return !address.empty();
  }));
  return address;
}

TEST_CASE(
    "a replica sees no other app's processes, files or network, nor the server's socket or "
    "database") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("static-site", "victim");
  berth.deploy("static-site", "intruder");
  const std::string victim = address_of(berth, "victim");
  // It answers us, so that a closed port below means isolation and not an app that is down.
  REQUIRE(berth.get("victim").status == 200);

  const std::string listing = inside(berth, "intruder", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
  CHECK_MESSAGE(listing.find("berth server") == std::string::npos, listing);
  CHECK_MESSAGE(listing.find("static-server") == std::string::npos, listing);

  const std::string files =
      inside(berth, "intruder", fmt::format("ls {} 2>&1; ls / ", berth.data().string()));
  CHECK_MESSAGE(files.find("No such file") != std::string::npos, files);
  CHECK_MESSAGE(files.find("berth.db") == std::string::npos, files);

  CHECK(inside(berth, "intruder", connect_line(victim, 5000)).find("result closed") !=
        std::string::npos);
  CHECK(inside(berth, "intruder", connect_line("127.0.0.1", berth.api_port()))
            .find("result closed") != std::string::npos);

  // A service of the host that listens on every address.
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  socklen_t length = sizeof any;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), length) == 0);
  REQUIRE(::listen(listener.get(), 4) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &length) == 0);
  const std::string gateway = victim.substr(0, victim.rfind('.')) + ".1";
  CHECK(
      inside(berth, "intruder", connect_line(gateway, ntohs(any.sin_port))).find("result closed") !=
      std::string::npos);

  const std::string identity = inside(
      berth, "intruder", "id -u; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status");
  CHECK_MESSAGE(identity.find("CapEff:\t0000000000000000") != std::string::npos, identity);
  CHECK_MESSAGE(identity.find("NoNewPrivs:\t1") != std::string::npos, identity);
  for (const auto* app : {"victim", "intruder"}) berth.destroy(app);
}

TEST_CASE("an app connects to what its owner allows, also after the server was replaced") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("static-site", "fenced");
  // Nobody answers there: what matters is whether the question leaves the machine at once refused.
  const std::string ask =
      "python3 -c \"import socket; s=socket.socket(); s.settimeout(2); "
      "print('result', s.connect_ex(('203.0.113.77', 443)))\"";
  const auto refused = [&] {
    return inside(berth, "fenced", ask).find("result 111") != std::string::npos;
  };
  CHECK_FALSE(refused());
  CHECK(berth.must({"network:egress", "192.0.2.0/24", "-a", "fenced"}) ==
        "Egress: only to\n  192.0.2.0/24\n");
  CHECK(refused());
  berth.kill_server();
  berth.start_server();
  CHECK(refused());
  CHECK(berth.get("fenced").status == 200);  // who comes in is answered
  berth.must({"network:egress", "203.0.113.77:443", "-a", "fenced"});
  CHECK_FALSE(refused());
  const Output wrong = berth.cli({"network:egress", "example.com", "-a", "fenced"});
  CHECK_MESSAGE(wrong.err.find("'example.com' is no IP address") != std::string::npos, wrong.err);
  berth.destroy("fenced");
}

}  // namespace
}  // namespace berth::test
