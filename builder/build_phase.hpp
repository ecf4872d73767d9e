// SPDX-License-Identifier: Apache-2.0
//
// The build phase (specs/cnb.md 1.6): bin/build of every buildpack of the group, in order, each
// with the environment that the layers before it made and the plan entries that are still unmet.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/detect_phase.hpp"
#include "builder/layer_metadata.hpp"
#include "builder/processes.hpp"
#include "builder/sbom.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

struct BuildpackOutcome {
  const Buildpack* buildpack = nullptr;
  std::vector<std::pair<std::string, LayerToml>> layers;  ///< sorted by name; a flag is set in each
  std::vector<SbomFile> sboms;
  std::optional<json::object> store;
};

struct BuildOutcome {
  std::vector<BuildpackOutcome> buildpacks;
  ProcessSet processes;
  std::map<std::string, std::string> labels;
  std::vector<std::vector<std::string>> slices;
};

[[nodiscard]] Result<BuildOutcome> run_build(const BuildContext& context, Workspace& workspace,
                                             const DetectedGroup& group);

}  // namespace berth::builder
