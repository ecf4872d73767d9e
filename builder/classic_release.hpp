// SPDX-License-Identifier: Apache-2.0
//
// What a classic buildpack's bin/release prints (specs/cnb.md 2.1): YAML with the process types
// that the app has if its Procfile names no others. Pure; written by others.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/layer_metadata.hpp"

namespace berth::builder {

/// `default_process_types`; each for a shell, "web" the default. Other keys (addons, config_vars)
/// have no meaning here.
[[nodiscard]] Result<std::vector<Process>> parse_classic_release(std::string_view yaml,
                                                                 std::string_view buildpack_id);

}  // namespace berth::builder
