// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_state.hpp"

#include <algorithm>

#include "builder/dockerignore.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace {

json::array json_strings(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

bool is_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

std::pair<std::string, std::optional<std::string>> split_argument(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

std::map<std::string, std::string> platform_arguments() {
  const std::string architecture(oci_architecture());
  std::map<std::string, std::string> result;
  for (const std::string which : {"TARGET", "BUILD"}) {
    result[which + "PLATFORM"] = "linux/" + architecture;
    result[which + "OS"] = "linux";
    result[which + "ARCH"] = architecture;
    result[which + "VARIANT"] = "";
  }
  return result;
}

Result<std::map<std::string, std::string>> global_arguments(
    const Dockerfile& file, const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> result = platform_arguments();
  for (const auto& arg : file.arguments)
    for (const auto& word : arg.words) {
      const auto [name, otherwise] = split_argument(word);
      if (!is_name(name))
        return dockerfile_error(file.file, arg, "'" + name + "' is no name for a variable");
      if (const auto value = given.find(name); value != given.end()) {
        result[name] = value->second;
      } else if (otherwise) {
        auto expanded = expand_word(*otherwise, [&](std::string_view other) {
          const auto found = result.find(std::string(other));
          return found == result.end() ? std::nullopt : std::optional(found->second);
        }, file.escape);
        if (expanded.has_error())
          return dockerfile_error(file.file, arg, expanded.error().message);
        result[name] = std::move(*expanded);
      }
    }
  return result;
}

DockerState::DockerState(const Dockerfile& file, const DockerArguments& arguments, Image base)
    : image(std::move(base)), file_(file), arguments_(arguments) {
  image.digest.clear();
  if (const json::array* triggers = optional_array(image.further, "OnBuild"))
    for (const auto& trigger : *triggers)
      if (trigger.is_string()) triggers_.emplace_back(trigger.get_string());
  image.further.erase("OnBuild");
}

Error DockerState::fail(const Instruction& at, std::string_view message) const {
  return dockerfile_error(file_.file, at, message);
}

std::optional<std::string> DockerState::value_of(std::string_view name) const {
  for (const auto& entry : image.env)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  const auto found = declared_.find(std::string(name));
  return found == declared_.end() ? std::nullopt : std::optional(found->second);
}

VariableLookup DockerState::lookup() const {
  return [this](std::string_view name) { return value_of(name); };
}

Result<std::string> DockerState::expand(const Instruction& at, std::string_view word) const {
  auto result = expand_word(word, lookup(), file_.escape);
  if (result.has_error()) return fail(at, result.error().message);
  return result;
}

Result<std::vector<std::string>> DockerState::expand_all(const Instruction& at) const {
  std::vector<std::string> result;
  for (const auto& word : at.words) {
    BERTH_ASSIGN(std::string text, at.exec ? expand_text(word, lookup(), file_.escape)
                                           : expand(at, word));
    result.push_back(std::move(text));
  }
  return result;
}

Result<std::string> DockerState::expand_heredoc(const Instruction& at,
                                                const Heredoc& heredoc) const {
  if (!heredoc.expand) return heredoc.content;
  auto result = expand_text(heredoc.content, lookup(), file_.escape);
  if (result.has_error()) return fail(at, result.error().message);
  return result;
}

std::string DockerState::absolute(const std::string& path) const {
  const bool slash = path.ends_with('/') || path.ends_with("/.") || path == ".";
  std::string full = path.starts_with('/') ? path : "/" + image.working_directory + "/" + path;
  full = clean_path(full);
  while (full == ".." || full.starts_with("../")) full = clean_path(full.substr(2) + "/.");
  if (full == "." || full.empty()) return "/";
  return "/" + full + (slash ? "/" : "");
}

std::vector<std::string> DockerState::shell() const {
  std::vector<std::string> result;
  if (const json::array* words = optional_array(image.further, "Shell"))
    for (const auto& word : *words)
      if (word.is_string()) result.emplace_back(word.get_string());
  return result.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : result;
}

std::vector<std::string> DockerState::exec_or_shell(const Instruction& instruction) const {
  if (instruction.exec) return instruction.words;
  std::vector<std::string> result = shell();
  result.push_back(instruction.text);
  return result;
}

std::vector<std::string> DockerState::command_of(const Instruction& run) const {
  std::vector<std::string> argv = exec_or_shell(run);
  if (run.exec || run.heredocs.empty()) return argv;
  // A here-document alone is the script itself.
  if (run.words.size() == 1) {
    argv.back() = run.heredocs.front().content;
    return argv;
  }
  argv.back() += "\n";
  for (const auto& heredoc : run.heredocs) argv.back() += heredoc.content + heredoc.name + "\n";
  return argv;
}

std::map<std::string, std::string> DockerState::environment() const {
  std::map<std::string, std::string> result = declared_;
  for (const auto& entry : image.env) {
    const auto equals = entry.find('=');
    if (equals != entry.npos) result[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return result;
}

Result<void> DockerState::apply(const Instruction& at) {
  const std::string& name = at.name;
  if (name == "ARG") return declare(at);
  if (name == "ENV" || name == "LABEL") return set_pairs(at);
  if (name == "EXPOSE") return expose(at);
  if (name == "VOLUME") return volumes(at);
  if (name == "HEALTHCHECK") return health_check(at);
  if (name == "CMD") {
    image.command = exec_or_shell(at);
    command_set_ = true;
  } else if (name == "ENTRYPOINT") {
    image.entrypoint = exec_or_shell(at);
    if (!command_set_) image.command.clear();
  } else if (name == "SHELL") {
    image.further["Shell"] = json_strings(at.words);
  } else if (name == "ONBUILD") {
    if (!image.further.contains("OnBuild")) image.further["OnBuild"] = json::array();
    image.further["OnBuild"].get_array().emplace_back(at.text);
  } else if (name == "MAINTAINER") {
    image.labels["maintainer"] = at.text;
  } else if (name == "USER") {
    BERTH_ASSIGN(image.user, expand(at, at.words[0]));
    if (image.user.empty()) return fail(at, "the user is empty; does its variable have a value?");
  } else if (name == "WORKDIR") {
    BERTH_ASSIGN(const std::string path, expand(at, at.words[0]));
    if (path.empty()) return fail(at, "the path is empty; does its variable have a value?");
    image.working_directory = absolute(path);
    if (image.working_directory.size() > 1 && image.working_directory.ends_with('/'))
      image.working_directory.pop_back();
  } else if (name == "STOPSIGNAL") {
    BERTH_ASSIGN(const std::string signal, expand(at, at.words[0]));
    image.further["StopSignal"] = signal;
  }
  return {};
}

/// A value from outside wins over the default that stands here, and that over a global one.
Result<void> DockerState::declare(const Instruction& arg) {
  for (const auto& word : arg.words) {
    const auto [name, otherwise] = split_argument(word);
    if (!is_name(name)) return fail(arg, "'" + name + "' is no name for a variable");
    if (const auto given = arguments_.given.find(name); given != arguments_.given.end()) {
      declared_[name] = given->second;
    } else if (otherwise) {
      BERTH_ASSIGN(declared_[name], expand(arg, *otherwise));
    } else if (const auto global = arguments_.global.find(name);
               global != arguments_.global.end()) {
      declared_[name] = global->second;
    }
  }
  return {};
}

Result<void> DockerState::set_pairs(const Instruction& at) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (at.words[0].find('=') == std::string::npos) {  // NAME and all the rest is the value
    const auto begin = at.text.find_first_not_of(" \t", at.words[0].size());
    BERTH_ASSIGN(std::string value,
                 expand(at, std::string_view(at.text).substr(std::min(begin, at.text.size()))));
    pairs.emplace_back(at.words[0], std::move(value));
  } else {
    for (const auto& word : at.words) {
      const auto equals = word.find('=');
      BERTH_ASSIGN(std::string key, expand(at, word.substr(0, equals)));
      BERTH_ASSIGN(std::string value, expand(at, std::string_view(word).substr(equals + 1)));
      pairs.emplace_back(std::move(key), std::move(value));
    }
  }
  for (const auto& [key, value] : pairs) {
    if (key.empty()) return fail(at, "a name is empty");
    if (value.find('\0') != value.npos) return fail(at, "the value of " + key + " holds a zero");
    if (at.name == "LABEL") {
      image.labels[key] = value;
      continue;
    }
    const auto found = std::ranges::find_if(
        image.env, [&](const std::string& entry) { return entry.starts_with(key + "="); });
    if (found == image.env.end())
      image.env.push_back(key + "=" + value);
    else
      *found = key + "=" + value;
  }
  return {};
}

}  // namespace berth::builder
