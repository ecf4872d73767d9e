// SPDX-License-Identifier: Apache-2.0
#include "server/options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace berth::server {

namespace {

/// Parses, or gives the help text or the reason.
Result<std::string> parse(CLI::App& parser, std::vector<std::string> words) {
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    parser.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return parser.help();
  } catch (const CLI::ParseError& failure) {
    return Error{ErrorKind::invalid, std::string(failure.what()) + ". `berth " + parser.get_name() +
                                         " --help` shows the options"};
  }
  return std::string();
}

}  // namespace

Result<ServerOptions> parse_server_options(const std::vector<std::string>& words) {
  CLI::App parser("The control plane: API, git, builder, scheduler.", "server");
  std::string file;
  std::string check;
  std::string data_dir;
  std::string api_listen;
  std::vector<std::string> router_listen;
  std::vector<std::string> router_https;
  std::string domain;
  ServerOptions options;
  parser.add_option("--config", file, "berth.yaml to read");
  parser.add_option("--check-config", check, "check this berth.yaml and end");
  parser.add_option("--data-dir", data_dir, "where everything is kept (default /var/lib/berth)");
  parser.add_option("--api-listen", api_listen, "ADDRESS:PORT of the API (default 127.0.0.1:7070)");
  parser.add_option("--router-listen", router_listen,
                    "ADDRESS:PORT of the router (default 0.0.0.0:8080)");
  parser.add_option("--router-https", router_https,
                    "ADDRESS:PORT where the router speaks TLS (default: none)");
  parser.add_option("--domain", domain, "the platform's domain (default localhost)");
  parser.add_option("--stack", options.stack,
                    "directory made by buildpacks/stack/make-stack, imported at the start");
  BERTH_ASSIGN(options.help, parse(parser, words));
  if (!options.help.empty()) return options;
  if (!check.empty()) {
    options.check_only = true;
    file = check;
  }
  if (!file.empty()) {
    BERTH_ASSIGN(options.config, platform::Config::load(file));
  }
  platform::Config& config = options.config;
  if (!data_dir.empty()) config.data_dir = std::filesystem::absolute(data_dir);
  if (!api_listen.empty()) config.api.listen = api_listen;
  if (!router_listen.empty()) config.router.listen = router_listen;
  if (!router_https.empty()) config.router.https = router_https;
  if (!domain.empty()) config.domain = domain;
  return options;
}

Result<RouterRoleOptions> parse_router_options(const std::vector<std::string>& words) {
  CLI::App parser("The data plane: balances HTTP over the replicas.", "router");
  RouterRoleOptions options;
  parser.add_option("--listen", options.listen, "ADDRESS:PORT, may be given several times")
      ->required();
  parser.add_option("--https", options.https,
                    "ADDRESS:PORT for TLS, may be given several times; none if not given");
  parser.add_option("--admin", options.admin, "ADDRESS:PORT of its /metrics; none if not given");
  parser
      .add_option("--control", options.control, "Unix socket on which the control plane finds it")
      ->required();
  parser.add_option("--table", options.table, "file that keeps the routes across restarts")
      ->required();
  parser.add_flag("--replace", options.replace,
                  "take the place of the router that listens on the control socket, without a "
                  "connection lost");
  parser.add_option("--threads", options.threads, "event loops; 0: one a core");
  parser.add_option("--io", options.io, "how they wait: auto, epoll or io_uring")
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}));
  parser.add_option("--trusted-proxy", options.trusted_proxies,
                    "NETWORK whose X-Forwarded-For is believed, may be given several times");
  parser.add_option("--proxy-protocol", options.proxy_protocol,
                    "NETWORK whose connections begin with a PROXY header, may be given several "
                    "times");
  parser.add_option("--max-connections-per-address", options.max_connections_per_address,
                    "at a time; 0: any number");
  BERTH_ASSIGN(options.help, parse(parser, words));
  return options;
}

std::vector<std::string> router_arguments(const std::filesystem::path& program,
                                          const platform::Config& config) {
  std::vector<std::string> words = {program.string(), "router"};
  for (const std::string& address : config.router.listen)
    words.insert(words.end(), {"--listen", address});
  for (const std::string& address : config.router.https)
    words.insert(words.end(), {"--https", address});
  if (!config.router.admin.empty()) words.insert(words.end(), {"--admin", config.router.admin});
  for (const std::string& network : config.router.trusted_proxies)
    words.insert(words.end(), {"--trusted-proxy", network});
  for (const std::string& network : config.router.proxy_protocol)
    words.insert(words.end(), {"--proxy-protocol", network});
  if (const int most = config.router.max_connections_per_address)
    words.insert(words.end(), {"--max-connections-per-address", std::to_string(most)});
  words.insert(words.end(), {"--control", (config.data_dir / "run" / "router.sock").string(),
                             "--table", (config.data_dir / "router-table.json").string(),
                             "--threads", std::to_string(config.router.threads),
                             "--io", config.router.io});
  return words;
}

}  // namespace berth::server
