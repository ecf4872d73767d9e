// SPDX-License-Identifier: Apache-2.0
#include "builder/layer_metadata.hpp"

#include <algorithm>
#include <set>

#include "builder/toml.hpp"

namespace berth::builder {

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Result<std::vector<std::string>> string_list(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  const json::value* value = object.if_contains(key);
  if (!value || value->is_null()) return result;
  if (!value->is_array()) return invalid("'" + std::string(key) + "' is not a list");
  for (const auto& entry : value->get_array()) {
    if (!entry.is_string()) return invalid("'" + std::string(key) + "' holds more than strings");
    result.emplace_back(entry.get_string());
  }
  return result;
}

Result<Process> parse_process(const json::object& entry, unsigned api) {
  Process process;
  BERTH_ASSIGN(process.type, require_string(entry, "type"));
  if (!is_process_type(process.type))
    return invalid("'" + process.type + "' is not a process type (letters, digits, '.', '_', '-')");
  BERTH_ASSIGN(process.args, string_list(entry, "args"));
  if (api >= 9) {
    BERTH_ASSIGN(process.command, string_list(entry, "command"));
    if (entry.contains("direct"))
      return invalid("'direct' is not known since buildpack API 0.9: processes are always direct");
  } else {
    BERTH_ASSIGN(std::string command, require_string(entry, "command"));
    process.command.push_back(std::move(command));
    process.direct = optional_bool(entry, "direct").value_or(false);
  }
  if (process.command.empty() || process.command.front().empty())
    return invalid("process '" + process.type + "' has no command");
  process.is_default = optional_bool(entry, "default").value_or(false);
  if (api >= 8) process.working_directory = optional_string(entry, "working-dir").value_or("");
  BERTH_ASSIGN(process.exec_env, string_list(entry, "exec-env"));
  return process;
}

}  // namespace

bool is_process_type(std::string_view type) {
  return !type.empty() && type.size() <= 200 && type != "." && type != ".." &&
         std::all_of(type.begin(), type.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

Result<LayerToml> parse_layer_toml(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  LayerToml result;
  for (const char* flag : {"build", "launch", "cache"})
    if (document.contains(flag))
      return invalid("'" + std::string(flag) + "' stands under [types] since buildpack API 0.6");
  if (const json::object* types = optional_object(document, "types")) {
    result.flags.build = optional_bool(*types, "build").value_or(false);
    result.flags.launch = optional_bool(*types, "launch").value_or(false);
    result.flags.cache = optional_bool(*types, "cache").value_or(false);
  }
  if (const json::object* metadata = optional_object(document, "metadata"))
    result.metadata = *metadata;
  return result;
}

std::vector<std::string> LayerToml::exec_env() const {
  auto names = string_list(metadata, "exec-env");
  return names.has_value() ? std::move(*names) : std::vector<std::string>();
}

std::string restored_layer_toml(const json::object& metadata) {
  return write_toml({{"metadata", metadata}});
}

Result<void> check_layer_name(std::string_view name) {
  if (name == "build" || name == "launch" || name == "store")
    return invalid("'" + std::string(name) + "' cannot name a layer");
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.size() > 200)
    return invalid("'" + std::string(name.substr(0, 200)) + "' is not the name of a layer");
  return {};
}

Result<LaunchToml> parse_launch_toml(std::string_view text, unsigned api,
                                     std::string_view buildpack_id) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  LaunchToml result;
  std::set<std::string> types;
  bool has_default = false;
  if (const json::array* processes = optional_array(document, "processes"))
    for (const auto& value : *processes) {
      if (!value.is_object()) return invalid("[[processes]] is not a table");
      BERTH_ASSIGN(Process process,
                   with_context(parse_process(value.get_object(), api), "[[processes]]"));
      if (!types.insert(process.type).second)
        return invalid("process '" + process.type + "' is defined twice");
      if (process.is_default && has_default) return invalid("two processes are the default");
      has_default = has_default || process.is_default;
      process.buildpack_id = buildpack_id;
      result.processes.push_back(std::move(process));
    }
  if (const json::array* labels = optional_array(document, "labels"))
    for (const auto& value : *labels) {
      if (!value.is_object()) return invalid("[[labels]] is not a table");
      BERTH_ASSIGN(std::string key,
                   with_context(require_string(value.get_object(), "key"), "[[labels]]"));
      BERTH_ASSIGN(std::string content,
                   with_context(require_string(value.get_object(), "value"), "[[labels]]"));
      result.labels.emplace_back(std::move(key), std::move(content));
    }
  if (const json::array* slices = optional_array(document, "slices"))
    for (const auto& value : *slices) {
      if (!value.is_object()) return invalid("[[slices]] is not a table");
      BERTH_ASSIGN(auto paths,
                   with_context(string_list(value.get_object(), "paths"), "[[slices]]"));
      result.slices.push_back(std::move(paths));
    }
  return result;
}

Result<std::vector<std::string>> parse_build_toml(std::string_view text,
                                                  const std::vector<std::string>& given) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  std::vector<std::string> unmet;
  if (const json::array* entries = optional_array(document, "unmet"))
    for (const auto& value : *entries) {
      if (!value.is_object()) return invalid("[[unmet]] is not a table");
      BERTH_ASSIGN(std::string name,
                   with_context(require_string(value.get_object(), "name"), "[[unmet]]"));
      if (std::find(given.begin(), given.end(), name) == given.end())
        return invalid("[[unmet]] names '" + name + "', which the buildpack was not given");
      unmet.push_back(std::move(name));
    }
  return unmet;
}

Result<json::object> parse_store_toml(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  const json::object* metadata = optional_object(document, "metadata");
  return metadata ? *metadata : json::object();
}

}  // namespace berth::builder
