// SPDX-License-Identifier: Apache-2.0
#include "builder/processes.hpp"

#include <algorithm>

#include "builder/log_format.hpp"

namespace berth::builder {

namespace {

json::array strings(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

std::vector<std::string> strings_of(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  if (const json::array* array = optional_array(object, key))
    for (const auto& value : *array)
      if (value.is_string()) result.emplace_back(value.get_string());
  return result;
}

json::object process_json(const Process& process, std::string_view buildpack_key) {
  json::object object{{"type", process.type},
                      {"command", strings(process.command)},
                      {"args", strings(process.args)},
                      {"direct", process.direct}};
  if (!process.working_directory.empty()) object["working-dir"] = process.working_directory;
  object[buildpack_key] = process.buildpack_id;
  if (!process.exec_env.empty()) object["exec-env"] = strings(process.exec_env);
  return object;
}

json::array buildpacks_json(const std::vector<const Buildpack*>& group) {
  json::array result;
  for (const auto* buildpack : group) {
    json::object entry{{"id", buildpack->id},
                       {"version", buildpack->version},
                       {"api", "0." + std::to_string(buildpack->api)}};
    if (!buildpack->homepage.empty()) entry["homepage"] = buildpack->homepage;
    result.push_back(std::move(entry));
  }
  return result;
}

json::object document(const ProcessSet& processes, const std::vector<const Buildpack*>& group,
                      std::string_view buildpack_key) {
  json::object result;
  if (!processes.default_type.empty())
    result["buildpack-default-process-type"] = processes.default_type;
  json::array list;
  for (const auto& [type, process] : processes.by_type)
    list.push_back(process_json(process, buildpack_key));
  result["buildpacks"] = buildpacks_json(group);
  result["processes"] = std::move(list);
  return result;
}

bool plain_word(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=@%+,").find(c) != std::string_view::npos;
  });
}

std::string shown_word(const std::string& word) {
  if (plain_word(word)) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

bool is_shell(const std::string& program) {
  const auto base = program.substr(program.rfind('/') + 1);
  return base == "sh" || base == "bash";
}

}  // namespace

void ProcessSet::merge(const std::vector<Process>& processes) {
  for (const auto& process : processes) {
    by_type.insert_or_assign(process.type, process);
    if (process.is_default) {
      default_type = process.type;
    } else if (process.type == default_type) {
      notes.push_back(process.buildpack_id + " replaces the default process '" + process.type +
                      "' by one that is not the default");
      default_type.clear();
    }
  }
}

json::object launcher_metadata(const ProcessSet& processes,
                               const std::vector<const Buildpack*>& group) {
  return document(processes, group, "buildpack-id");
}

json::object build_metadata(const ProcessSet& processes,
                            const std::vector<const Buildpack*>& group) {
  json::object result = document(processes, group, "buildpackID");
  result["launcher"] = json::object{{"version", BERTH_VERSION}};
  return result;
}

Result<ProcessSet> parse_build_metadata(std::string_view text) {
  BERTH_ASSIGN(const json::object object, parse_json_object(text));
  ProcessSet result;
  result.default_type = optional_string(object, "buildpack-default-process-type").value_or("");
  if (const json::array* list = optional_array(object, "processes"))
    for (const auto& value : *list) {
      if (!value.is_object()) return Error{ErrorKind::invalid, "a process is not an object"};
      const json::object& entry = value.get_object();
      Process process;
      BERTH_ASSIGN(process.type, require_string(entry, "type"));
      process.command = strings_of(entry, "command");
      process.args = strings_of(entry, "args");
      process.direct = optional_bool(entry, "direct").value_or(true);
      process.working_directory = optional_string(entry, "working-dir").value_or("");
      process.exec_env = strings_of(entry, "exec-env");
      process.buildpack_id = optional_string(entry, "buildpackID").value_or("");
      process.is_default = process.type == result.default_type;
      result.by_type.insert_or_assign(process.type, process);
    }
  return result;
}

std::string command_line(const Process& process) {
  std::vector<std::string> words = process.command;
  words.insert(words.end(), process.args.begin(), process.args.end());
  if (!process.direct && process.args.empty() && words.size() == 1) return words[0];
  if (words.size() == 3 && is_shell(words[0]) && words[1] == "-c") return words[2];
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : " ") + shown_word(word);
  return line;
}

}  // namespace berth::builder
