// SPDX-License-Identifier: Apache-2.0
//
// Detection (specs/cnb.md 1.4): the groups of the order are tried until one passes and its build
// plan resolves. Each buildpack's bin/detect runs once a build, two at a time.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/plan.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

struct DetectedGroup {
  std::vector<const Buildpack*> buildpacks;
  std::vector<PlanEntry> entries;       ///< providers are indexes of `buildpacks`
  std::vector<std::string> runners_up;  ///< of later groups: what would have passed too, if known
};

/// The error of an app that nothing recognises lists what was looked for. With
/// BuildContext::other_way it is a group of no buildpacks, as is one that only reads the Procfile.
/// `expected` are the ids of the last build's group: if it is another now, all of `runners_up` are
/// found.
[[nodiscard]] Result<DetectedGroup> detect(const BuildContext& context, Workspace& workspace,
                                           const std::vector<std::string>& expected);

}  // namespace berth::builder
