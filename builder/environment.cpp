// SPDX-License-Identifier: Apache-2.0
#include "builder/environment.hpp"

#include <algorithm>
#include <array>

namespace berth::builder {

namespace {

constexpr std::array<std::string_view, 5> path_variables = {
    "PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH"};

constexpr std::array<std::string_view, 9> inherited = {"HOME",        "HOSTNAME", "HTTP_PROXY",
                                                       "HTTPS_PROXY", "NO_PROXY", "http_proxy",
                                                       "https_proxy", "no_proxy", "CNB_STACK_ID"};

struct RootVariables {
  std::string_view directory;
  std::vector<std::string_view> at_build;
  std::vector<std::string_view> at_launch;
};

const std::vector<RootVariables>& root_variables() {
  static const std::vector<RootVariables> table = {
      {"bin", {"PATH"}, {"PATH"}},
      {"lib", {"LD_LIBRARY_PATH", "LIBRARY_PATH"}, {"LD_LIBRARY_PATH"}},
      {"include", {"CPATH"}, {}},
      {"pkgconfig", {"PKG_CONFIG_PATH"}, {}}};
  return table;
}

void prepend(std::string& value, std::string_view head, std::string_view delimiter) {
  std::string result(head);
  if (!value.empty()) result.append(delimiter).append(value);
  value = std::move(result);
}

}  // namespace

void apply_env_files(Environment& environment, std::vector<EnvFile> files, BareEnvFile bare) {
  std::sort(files.begin(), files.end(),
            [](const EnvFile& a, const EnvFile& b) { return a.name < b.name; });
  std::map<std::string_view, std::string_view> delimiters;
  for (const auto& file : files) {
    const std::string_view name = file.name;
    const auto dot = name.find('.');
    if (dot != name.npos && name.substr(dot) == ".delim")
      delimiters[name.substr(0, dot)] = file.content;
  }
  for (const auto& file : files) {
    const auto dot = file.name.find('.');
    const std::string name = file.name.substr(0, dot);
    if (!is_variable_name(name)) continue;
    std::string_view suffix =
        dot == std::string::npos ? "" : std::string_view(file.name).substr(dot);
    if (suffix.empty()) suffix = bare == BareEnvFile::overrides ? ".override" : ".default";
    const auto delimiter = delimiters.find(name);
    const std::string_view between = delimiter == delimiters.end() ? "" : delimiter->second;
    if (suffix == ".override") {
      environment[name] = file.content;
    } else if (suffix == ".append") {
      std::string& value = environment[name];
      if (!value.empty()) value += between;
      value += file.content;
    } else if (suffix == ".prepend") {
      prepend(environment[name], file.content, between);
    } else if (suffix == ".default") {
      std::string& value = environment[name];
      if (value.empty()) value = file.content;
    }
  }
}

const std::vector<std::string>& layer_root_directories() {
  static const std::vector<std::string> names = {"bin", "lib", "include", "pkgconfig"};
  return names;
}

void apply_layer_roots(Environment& environment, std::string_view layer,
                       const std::set<std::string>& present, Stage stage) {
  for (const auto& root : root_variables()) {
    if (!present.contains(std::string(root.directory))) continue;
    for (const auto variable : stage == Stage::build ? root.at_build : root.at_launch)
      prepend(environment[std::string(variable)],
              std::string(layer) + "/" + std::string(root.directory), ":");
  }
}

bool is_path_variable(std::string_view name) {
  return std::find(path_variables.begin(), path_variables.end(), name) != path_variables.end();
}

void apply_user_environment(Environment& environment, const Environment& user) {
  for (const auto& [name, value] : user) {
    if (name.starts_with("CNB_")) continue;
    if (is_path_variable(name))
      prepend(environment[name], value, ":");
    else
      environment[name] = value;
  }
}

Environment visible_to_buildpacks(const Environment& own) {
  Environment result;
  for (const auto& [name, value] : own)
    if (is_path_variable(name) ||
        std::find(inherited.begin(), inherited.end(), name) != inherited.end())
      result[name] = value;
  return result;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         name.find_first_of(std::string_view("=/\0", 3)) == name.npos;
}

}  // namespace berth::builder
