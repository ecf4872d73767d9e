// SPDX-License-Identifier: Apache-2.0
//
// Why a program of a build ended, in a sentence that names the limit, its value and what to do.
// Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "builder/sandbox.hpp"

namespace berth::builder {

/// "15 minutes", "90 seconds"
[[nodiscard]] std::string people_duration(std::chrono::seconds time);

/// `what`: "berth/nodejs (build)". For an exit that is not a success.
[[nodiscard]] Error explain_exit(const SandboxExit& exit, const SandboxLimits& limits,
                                 std::chrono::seconds timeout, std::string_view what);

}  // namespace berth::builder
