// SPDX-License-Identifier: Apache-2.0
//
// Dockerfile: stages whose instructions can be applied, or an error that names a line.
#include "builder/docker_mount.hpp"
#include "builder/docker_state.hpp"
#include "builder/dockerignore.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(DockerIgnore::parse(text).ignores("some/path/to.file"));
  const auto file = parse_dockerfile(text, "Dockerfile");
  if (file.has_error()) {
    BERTH_ASSERT(file.error().message.starts_with("Dockerfile, line "));
    return 0;
  }
  const auto global = global_arguments(*file, {});
  if (global.has_error()) return 0;
  const DockerArguments arguments{.given = {{"GIVEN", "value"}}, .global = *global};
  for (const auto& stage : file->stages) {
    DockerState state(*file, arguments, {});
    for (const auto& instruction : stage.instructions) {
      BERTH_ASSERT(instruction.line > 0 && instruction.summary().size() <= 210);
      if (state.apply(instruction).has_error()) break;
      BERTH_ASSERT(state.absolute(instruction.text).starts_with('/'));
      static_cast<void>(state.command_of(instruction));
      if (const auto mount = instruction.flag("mount"))
        static_cast<void>(parse_docker_mount(*mount));
    }
  }
  return 0;
}
