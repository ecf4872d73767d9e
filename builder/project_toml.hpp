// SPDX-License-Identifier: Apache-2.0
//
// What of a project.toml we honour (specs/cnb.md 1.13): the build environment, in both generations
// of the file. Pure.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "builder/environment.hpp"

namespace berth::builder {

/// [[io.buildpacks.build.env]] and the older [[build.env]].
[[nodiscard]] Result<Environment> project_build_environment(std::string_view toml);

}  // namespace berth::builder
