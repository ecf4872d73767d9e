// SPDX-License-Identifier: Apache-2.0
#include "builder/classic_release.hpp"

#include <yaml-cpp/yaml.h>

#include <string>

namespace berth::builder {

namespace {

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Result<std::vector<Process>> read(const YAML::Node& document, std::string_view buildpack_id) {
  std::vector<Process> result;
  if (document.IsNull()) return result;
  if (!document.IsMap()) return invalid("it is not a table");
  const YAML::Node types = document["default_process_types"];
  if (!types || types.IsNull()) return result;
  if (!types.IsMap()) return invalid("default_process_types is not a table");
  for (const auto& entry : types) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar())
      return invalid("default_process_types holds more than names and commands");
    Process process{.type = entry.first.Scalar(),
                    .command = {"bash", "-c"},
                    .args = {entry.second.Scalar()},
                    .buildpack_id = std::string(buildpack_id)};
    if (!is_process_type(process.type))
      return invalid("'" + process.type.substr(0, 100) + "' is not a process type");
    if (process.args[0].empty()) return invalid("process '" + process.type + "' has no command");
    process.is_default = process.type == "web";
    result.push_back(std::move(process));
  }
  return result;
}

}  // namespace

Result<std::vector<Process>> parse_classic_release(std::string_view yaml,
                                                   std::string_view buildpack_id) {
  try {
    return read(YAML::Load(std::string(yaml)), buildpack_id);
  } catch (const YAML::Exception& error) {
    return invalid("line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

}  // namespace berth::builder
