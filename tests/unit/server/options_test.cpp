// SPDX-License-Identifier: Apache-2.0
#include "server/options.hpp"

#include <doctest/doctest.h>

#include "base/file.hpp"

namespace berth::server {
namespace {

TEST_CASE("flags stand above the file, the file above the defaults") {
  const auto directory = TempDir::create("/tmp");
  const auto file = directory->path() / "berth.yaml";
  REQUIRE_FALSE(write_file(file, "domain: example.com\napi:\n  listen: 127.0.0.1:1\n").has_error());
  const auto options =
      parse_server_options({"--config", file.string(), "--api-listen", "127.0.0.1:2"});
  REQUIRE(options.has_value());
  CHECK(options->config.domain == "example.com");
  CHECK(options->config.api.listen == "127.0.0.1:2");
  CHECK(options->config.network.bridge == "berth0");
}

TEST_CASE("--check-config reports the line and column of a mistake") {
  const auto directory = TempDir::create("/tmp");
  const auto file = directory->path() / "berth.yaml";
  REQUIRE_FALSE(write_file(file, "domain: example.com\nruoter:\n  threads: 1\n").has_error());
  const auto options = parse_server_options({"--check-config", file.string()});
  REQUIRE(options.has_error());
  CHECK_MESSAGE(options.error().message.find("berth.yaml:2:1: ") != std::string::npos,
                options.error().message);
}

TEST_CASE("an unknown flag is refused with the way to the help") {
  const auto options = parse_server_options({"--prot", "1"});
  REQUIRE(options.has_error());
  CHECK(options.error().message.find("`berth server --help`") != std::string::npos);
}

TEST_CASE("the router's arguments are read back as they were written") {
  platform::Config config;
  config.data_dir = "/data";
  config.router.listen = {"0.0.0.0:80", "[::]:80"};
  config.router.threads = 3;
  config.router.io = "io_uring";
  config.router.trusted_proxies = {"10.0.0.0/8", "2001:db8::/32"};
  config.router.proxy_protocol = {"192.0.2.7"};
  config.router.max_connections_per_address = 100;
  auto words = router_arguments("/bin/berth", config);
  REQUIRE(words.size() > 2);
  CHECK(words[0] == "/bin/berth");
  CHECK(words[1] == "router");
  const auto options = parse_router_options({words.begin() + 2, words.end()});
  REQUIRE(options.has_value());
  CHECK(options->listen == config.router.listen);
  CHECK(options->trusted_proxies == config.router.trusted_proxies);
  CHECK(options->proxy_protocol == config.router.proxy_protocol);
  CHECK(options->max_connections_per_address == 100);
  CHECK(options->threads == 3);
  CHECK(options->io == "io_uring");
  CHECK(options->control == "/data/run/router.sock");
  CHECK(options->admin == config.router.admin);
}

}  // namespace
}  // namespace berth::server
