// SPDX-License-Identifier: Apache-2.0
//
// The executable: a long-running role if the first word names one, else the command line.
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "cli/cli.hpp"
#include "router/router.hpp"
#include "server/options.hpp"
#include "server/server.hpp"
#include "server/teardown.hpp"

namespace {

int fail(const berth::Error& error) {
  std::fprintf(stderr, "berth: %s\n", error.message.c_str());
  return error.kind == berth::ErrorKind::invalid ? 2 : 1;
}

int server_role(const std::vector<std::string>& words) {
  const auto options = berth::server::parse_server_options(words);
  if (options.has_error()) return fail(options.error());
  if (!options->help.empty() || options->check_only) {
    std::fputs(options->check_only ? "The configuration is valid.\n" : options->help.c_str(),
               stdout);
    return 0;
  }
  berth::set_log_role("server");
  const auto ended = berth::server::run_server(*options);
  return ended.has_error() ? fail(ended.error()) : 0;
}

/// Takes the server's options: the same configuration, the same things to end.
int teardown_role(const std::vector<std::string>& words) {
  const auto options = berth::server::parse_server_options(words);
  if (options.has_error()) return fail(options.error());
  berth::set_log_role("teardown");
  const auto ended = berth::server::tear_down(options->config);
  return ended.has_error() ? fail(ended.error()) : 0;
}

berth::router::Io io_of(std::string_view text) {
  using berth::router::Io;
  return text == "io_uring" ? Io::io_uring : text == "epoll" ? Io::epoll : Io::automatic;
}

int router_role(const std::vector<std::string>& words) {
  const auto options = berth::server::parse_router_options(words);
  if (options.has_error()) return fail(options.error());
  if (!options->help.empty()) {
    std::fputs(options->help.c_str(), stdout);
    return 0;
  }
  berth::set_log_role("router");
  return berth::router::run({.listen = options->listen,
                             .listen_https = options->https,
                             .control_socket = options->control,
                             .table_file = options->table,
                             .threads = options->threads,
                             .io = io_of(options->io),
                             .admin_listen = options->admin,
                             .trusted_proxies = options->trusted_proxies,
                             .proxy_protocol = options->proxy_protocol,
                             .max_connections_per_address = options->max_connections_per_address,
                             .replace = options->replace});
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that goes away is an error of one write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "server") return server_role({argv + 2, argv + argc});
  if (role == "router") return router_role({argv + 2, argv + argc});
  if (role == "teardown") return teardown_role({argv + 2, argv + argc});
  return berth::run_cli(argc, argv);
}
