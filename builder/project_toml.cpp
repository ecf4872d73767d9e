// SPDX-License-Identifier: Apache-2.0
#include "builder/project_toml.hpp"

#include "builder/toml.hpp"

namespace berth::builder {

namespace {

Result<void> read_variables(const json::object* build, Environment& result) {
  const json::array* entries = build ? optional_array(*build, "env") : nullptr;
  if (!entries) return {};
  for (const auto& value : *entries) {
    if (!value.is_object()) return Error{ErrorKind::invalid, "build.env is not a list of tables"};
    BERTH_ASSIGN(const std::string name,
                 with_context(require_string(value.get_object(), "name"), "build.env"));
    BERTH_ASSIGN(const std::string content,
                 with_context(require_string(value.get_object(), "value"), "build.env " + name));
    if (!is_variable_name(name))
      return Error{ErrorKind::invalid, "build.env: '" + name + "' is not a variable's name"};
    result[name] = content;
  }
  return {};
}

}  // namespace

Result<Environment> project_build_environment(std::string_view text) {
  BERTH_ASSIGN(const json::object document, with_context(parse_toml(text), "project.toml"));
  Environment result;
  BERTH_TRY(
      with_context(read_variables(optional_object(document, "build"), result), "project.toml"));
  const json::object* io = optional_object(document, "io");
  const json::object* buildpacks = io ? optional_object(*io, "buildpacks") : nullptr;
  if (buildpacks)
    BERTH_TRY(with_context(read_variables(optional_object(*buildpacks, "build"), result),
                           "project.toml"));
  return result;
}

}  // namespace berth::builder
