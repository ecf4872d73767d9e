// SPDX-License-Identifier: Apache-2.0
//
// The process types that mean something to the platform; all others are the app's own.
#pragma once

#include <string_view>

namespace berth::platform {

/// Run to its end before a release's other processes start; never scaled.
inline constexpr std::string_view release_process = "release";

/// The name of the one-off that app.json's script runs in, once in an app's life.
inline constexpr std::string_view postdeploy_prefix = "postdeploy";
inline constexpr std::string_view postdeploy_name = "postdeploy.1";

}  // namespace berth::platform
