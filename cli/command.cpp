// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "cli/commands.hpp"
#include "cli/format.hpp"

namespace berth::cli {

std::optional<std::string> Arguments::text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Outcome<json::object> Arguments::pairs(std::string_view name, std::string example) const {
  json::object result;
  for (const auto& word : list(name)) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage_failure("'" + printable(word) + "' is not NAME=VALUE.", std::move(example));
    result[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return result;
}

std::optional<int> Arguments::number(std::string_view name) const {
  const auto value = text(name);
  return value ? std::optional(std::atoi(value->c_str())) : std::nullopt;
}

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = [] {
    std::vector<Command> all;
    for (const auto& group :
         {app_commands, git_commands, process_commands, scale_commands, check_commands,
          cron_commands, network_commands, placement_commands, volume_commands, log_commands,
          run_commands, config_commands, release_commands, rollout_commands, build_commands,
          buildpack_commands, deploy_commands, image_commands, preview_commands, pipeline_commands,
          domain_commands, certificate_commands, https_commands, routing_commands, account_commands,
          platform_commands, pool_commands, disk_commands, completion_commands})
      std::ranges::move(group(), std::back_inserter(all));
    return all;
  }();
  return commands;
}

const Command* find_command(std::string_view name) {
  for (const auto& command : all_commands())
    if (command.name == name || std::ranges::find(command.aliases, name) != command.aliases.end())
      return &command;
  return nullptr;
}

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> flags = command.flags;
  if (command.for_app)
    flags.push_back({.name = "--app",
                     .letter = "-a",
                     .value = "NAME",
                     .help = "The app; else $BERTH_APP, else the git remote \"berth\"",
                     .names = Names::app});
  if (command.json) flags.push_back({.name = "--json", .help = "Print JSON as the API gives it"});
  flags.push_back({.name = "--help", .letter = "-h", .help = "Show this"});
  return flags;
}

}  // namespace berth::cli
