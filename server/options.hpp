// SPDX-License-Identifier: Apache-2.0
//
// The words after `berth server` and `berth router`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/config.hpp"

namespace berth::server {

struct ServerOptions {
  platform::Config config;
  std::filesystem::path stack;  ///< made by buildpacks/stack/make-stack; imported at the start
  bool check_only = false;      ///< --check-config: parse, say so, end
  std::string help;             ///< not empty: print this and end
};

/// Defaults, then the file, then the flags.
[[nodiscard]] Result<ServerOptions> parse_server_options(const std::vector<std::string>& words);

struct RouterRoleOptions {
  std::vector<std::string> listen;
  std::vector<std::string> https;
  std::string admin;
  std::filesystem::path control;
  std::filesystem::path table;
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> proxy_protocol;
  unsigned max_connections_per_address = 0;
  unsigned threads = 0;
  std::string io = "auto";
  bool replace = false;
  std::string help;
};

[[nodiscard]] Result<RouterRoleOptions> parse_router_options(const std::vector<std::string>& words);
/// The argument vector of a router that serves this configuration.
[[nodiscard]] std::vector<std::string> router_arguments(const std::filesystem::path& program,
                                                        const platform::Config& config);

}  // namespace berth::server
