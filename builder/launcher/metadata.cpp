// SPDX-License-Identifier: Apache-2.0
#include "builder/toml_library.hpp"

#include "builder/launcher/metadata.hpp"

#include <algorithm>
#include <charconv>

namespace berth::launcher {

namespace {

std::string text_of(const toml::table& table, std::string_view key) {
  return table[key].value<std::string>().value_or("");
}

/// A list of strings; a lone string is a list of one (the form before platform API 0.10).
std::vector<std::string> strings_of(const toml::table& table, std::string_view key) {
  std::vector<std::string> result;
  if (const auto* array = table[key].as_array()) {
    for (const auto& entry : *array)
      if (const auto* text = entry.as_string()) result.push_back(text->get());
  } else if (const auto* text = table[key].as_string()) {
    result.push_back(text->get());
  }
  return result;
}

unsigned minor_of(std::string_view api) {
  unsigned minor = 0;
  if (api.starts_with("0.")) std::from_chars(api.data() + 2, api.data() + api.size(), minor);
  return minor;
}

bool eligible(const Process& process, std::string_view exec_env) {
  return process.exec_env.empty() ||
         std::any_of(process.exec_env.begin(), process.exec_env.end(),
                     [&](const std::string& name) { return name == "*" || name == exec_env; });
}

}  // namespace

const Process* Metadata::find(std::string_view type, std::string_view exec_env) const {
  for (const auto& process : processes)
    if (process.type == type && eligible(process, exec_env)) return &process;
  return nullptr;
}

bool Metadata::names(std::string_view type) const {
  return std::any_of(processes.begin(), processes.end(),
                     [&](const Process& process) { return process.type == type; });
}

unsigned Metadata::api_of(std::string_view buildpack) const {
  for (const auto& entry : buildpacks)
    if (entry.id == buildpack) return entry.api;
  return 0;
}

Result<Metadata> parse_metadata(std::string_view text) {
  BERTH_ASSIGN(const toml::table document, builder::parse_toml_text(text));
  Metadata result;
  result.default_type = text_of(document, "buildpack-default-process-type");
  if (const auto* buildpacks = document["buildpacks"].as_array())
    for (const auto& node : *buildpacks)
      if (const auto* entry = node.as_table())
        result.buildpacks.push_back({text_of(*entry, "id"), minor_of(text_of(*entry, "api"))});
  if (const auto* processes = document["processes"].as_array())
    for (const auto& node : *processes) {
      const auto* entry = node.as_table();
      if (!entry) continue;
      Process process;
      process.type = text_of(*entry, "type");
      process.command = strings_of(*entry, "command");
      process.args = strings_of(*entry, "args");
      process.direct = (*entry)["direct"].value<bool>().value_or(false);
      process.working_directory = text_of(*entry, "working-dir");
      process.exec_env = strings_of(*entry, "exec-env");
      process.buildpack_id = text_of(*entry, "buildpack-id");
      if (process.type.empty() || process.command.empty())
        return Error{ErrorKind::invalid, "a process has no type or no command"};
      result.processes.push_back(std::move(process));
    }
  return result;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_exec_d(std::string_view text) {
  BERTH_ASSIGN(const toml::table document, builder::parse_toml_text(text));
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [key, node] : document) {
    const auto* value = node.as_string();
    if (!value)
      return Error{ErrorKind::invalid, "'" + std::string(key.str()) + "' is not a string"};
    result.emplace_back(key.str(), value->get());
  }
  return result;
}

}  // namespace berth::launcher
