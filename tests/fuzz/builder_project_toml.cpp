// SPDX-License-Identifier: Apache-2.0
//
// project.toml: what was accepted has buildpacks that say where they are, and not both filters.
#include "builder/project_toml.hpp"

using namespace berth::builder;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto project = parse_project({reinterpret_cast<const char*>(data), size});
  if (project.has_error()) return 0;
  BERTH_ASSERT(project->include.empty() || project->exclude.empty());
  for (const auto* group : {&project->group, &project->before, &project->after})
    for (const auto& buildpack : *group)
      BERTH_ASSERT(!buildpack.id.empty() || !buildpack.uri.empty());
  return 0;
}
