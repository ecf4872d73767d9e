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

/// The codes with which the reference lifecycle's programs end (specs/cnb.md 1.11); ours is no
/// program, and names them in its messages.
enum class LifecycleCode {
  buildpack_api = 12,
  nothing_detected = 20,
  detect_failed = 21,
  build_failed = 51
};
/// The message, and "(lifecycle exit code 51)" after it.
[[nodiscard]] Error with_code(Error error, LifecycleCode code);

/// "15 minutes", "90 seconds"
[[nodiscard]] std::string people_duration(std::chrono::seconds time);

/// `what`: "berth/nodejs (build)". For an exit that is not a success.
[[nodiscard]] Error explain_exit(const SandboxExit& exit, const SandboxLimits& limits,
                                 std::chrono::seconds timeout, std::string_view what);

}  // namespace berth::builder
