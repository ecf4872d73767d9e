// SPDX-License-Identifier: Apache-2.0
//
// What a container's first process gives up before the agent runs in its place.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// Limits, user, capabilities, privileges to come, and at last the system calls that `filter` does
/// not allow; nothing but execve may follow.
[[nodiscard]] Result<void> confine(const ShimConf& conf, std::string_view filter);

/// The filter alone, compiled, on this thread and what it starts.
[[nodiscard]] Result<void> load_filter(std::string_view filter);

}  // namespace berth::runtime::shim
