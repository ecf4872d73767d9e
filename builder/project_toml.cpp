// SPDX-License-Identifier: Apache-2.0
#include "builder/project_toml.hpp"

#include "builder/toml.hpp"

namespace berth::builder {

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Result<void> read_variables(const json::object& build, Environment& result) {
  const json::array* entries = optional_array(build, "env");
  if (!entries) return {};
  for (const auto& value : *entries) {
    if (!value.is_object()) return invalid("build.env is not a list of tables");
    BERTH_ASSIGN(const std::string name,
                 with_context(require_string(value.get_object(), "name"), "build.env"));
    BERTH_ASSIGN(const std::string content,
                 with_context(require_string(value.get_object(), "value"), "build.env " + name));
    if (!is_variable_name(name))
      return invalid("build.env: '" + name + "' is not a variable's name");
    result[name] = content;
  }
  return {};
}

Result<std::vector<std::string>> patterns(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  const json::value* value = object.if_contains(key);
  if (!value) return result;
  if (!value->is_array()) return invalid(std::string(key) + " is not a list of patterns");
  for (const auto& entry : value->get_array()) {
    if (!entry.is_string()) return invalid(std::string(key) + " holds more than strings");
    result.emplace_back(entry.get_string());
  }
  return result;
}

Result<void> read_files(const json::object& object, ProjectDescriptor& result) {
  if (!object.contains("include") && !object.contains("exclude")) return {};
  BERTH_ASSIGN(result.include, patterns(object, "include"));
  BERTH_ASSIGN(result.exclude, patterns(object, "exclude"));
  if (!result.include.empty() && !result.exclude.empty())
    return invalid("include and exclude stand beside each other: only one of both is allowed");
  return {};
}

Result<InlineScript> read_script(const json::object& object) {
  InlineScript script;
  BERTH_ASSIGN(script.api, require_string(object, "api"));
  BERTH_ASSIGN(script.text, require_string(object, "inline"));
  script.shell = optional_string(object, "shell").value_or("/bin/sh");
  if (!script.shell.starts_with('/') || script.shell.find('\n') != script.shell.npos)
    return invalid("'" + script.shell + "' is not the path of a shell");
  return script;
}

Result<std::vector<ProjectBuildpack>> read_group(const json::array& members) {
  std::vector<ProjectBuildpack> group;
  for (const auto& value : members) {
    if (!value.is_object()) return invalid("a buildpack is not a table");
    const json::object& entry = value.get_object();
    ProjectBuildpack buildpack{.id = optional_string(entry, "id").value_or(""),
                               .version = optional_string(entry, "version").value_or(""),
                               .uri = optional_string(entry, "uri").value_or(""),
                               .script = {}};
    if (const json::object* script = optional_object(entry, "script")) {
      BERTH_ASSIGN(buildpack.script, with_context(read_script(*script), "script"));
      if (buildpack.id.empty()) return invalid("a buildpack with a script needs an id");
    }
    if (buildpack.id.empty() && buildpack.uri.empty())
      return invalid("a buildpack has neither id nor uri");
    if (!buildpack.uri.empty() && buildpack.script)
      return invalid("the buildpack " + buildpack.uri + " has a uri and a script");
    group.push_back(std::move(buildpack));
  }
  return group;
}

Result<void> read_group(const json::object* object, std::string_view key,
                        std::vector<ProjectBuildpack>& group) {
  const json::array* members = object ? optional_array(*object, key) : nullptr;
  if (!members) return {};
  BERTH_ASSIGN(group, read_group(*members));
  return {};
}

/// What other platforms write for a project that names its version.
json::object source_metadata(const json::object& project) {
  const auto version = optional_string(project, "version");
  const auto url = optional_string(project, "source-url");
  if (!version && !url) return {};
  json::object source{{"type", "project"}};
  if (version) source["version"] = json::object{{"declared", *version}};
  if (url) source["metadata"] = json::object{{"url", *url}};
  return {{"source", std::move(source)}};
}

Result<void> read_old(const json::object& document, ProjectDescriptor& result) {
  if (const json::object* project = optional_object(document, "project"))
    result.metadata = source_metadata(*project);
  const json::object* build = optional_object(document, "build");
  if (!build) return {};
  BERTH_TRY(read_files(*build, result));
  BERTH_TRY(with_context(read_group(build, "buildpacks", result.group), "[[build.buildpacks]]"));
  return read_variables(*build, result.build_environment);
}

Result<void> read_new(const json::object& document, ProjectDescriptor& result) {
  if (const json::object* project = optional_object(document, "_")) {
    const std::string schema = optional_string(*project, "schema-version").value_or("0.2");
    if (schema != "0.1" && schema != "0.2")
      return invalid("schema-version " + schema + " is not known (0.1 and 0.2 are)");
    if (auto metadata = source_metadata(*project); !metadata.empty())
      result.metadata = std::move(metadata);
  }
  const json::object* io = optional_object(document, "io");
  const json::object* table = io ? optional_object(*io, "buildpacks") : nullptr;
  if (!table) return {};
  BERTH_TRY(read_files(*table, result));
  BERTH_TRY(with_context(read_group(table, "group", result.group), "[[io.buildpacks.group]]"));
  BERTH_TRY(with_context(read_group(optional_object(*table, "pre"), "group", result.before),
                         "[[io.buildpacks.pre.group]]"));
  BERTH_TRY(with_context(read_group(optional_object(*table, "post"), "group", result.after),
                         "[[io.buildpacks.post.group]]"));
  const json::object* build = optional_object(*table, "build");
  return build ? read_variables(*build, result.build_environment) : Result<void>();
}

}  // namespace

Result<ProjectDescriptor> parse_project(std::string_view text) {
  BERTH_ASSIGN(const json::object document, with_context(parse_toml(text), "project.toml"));
  ProjectDescriptor result;
  BERTH_TRY(with_context(read_old(document, result), "project.toml"));
  BERTH_TRY(with_context(read_new(document, result), "project.toml"));
  return result;
}

}  // namespace berth::builder
