// SPDX-License-Identifier: Apache-2.0
//
// Brings the buildpacks that an app chose onto this machine: from its own commit, from git, from a
// registry. What needs the network runs in a sandbox of its own, like everything else that people
// we do not trust have a say in. What was fetched stays in the app's cache, named by where it came
// from and its commit or digest.
#pragma once

#include "base/result.hpp"
#include "builder/build_context.hpp"
#include "builder/buildpack_choice.hpp"

namespace berth::builder {

/// Adds what `choice` names to `context.installed`: the buildpacks to its set, their files to its
/// digest, and the group to its order, in place of it or around it.
[[nodiscard]] Result<void> add_chosen_buildpacks(BuildContext& context,
                                                 const BuildpackChoice& choice);

}  // namespace berth::builder
