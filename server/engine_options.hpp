// SPDX-License-Identifier: Apache-2.0
//
// The configuration in the local engine's terms, and where our programs are.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "platform/config.hpp"
#include "runtime/engine/local/options.hpp"

namespace berth::server {

/// This executable; its siblings (berth-shim, berth-launcher, buildpacks/,
/// dashboard/) lie beside it.
[[nodiscard]] Result<std::filesystem::path> program_path();

[[nodiscard]] runtime::LocalOptions engine_options(const platform::Config& config,
                                                   const std::filesystem::path& programs);

}  // namespace berth::server
