// SPDX-License-Identifier: Apache-2.0
//
// What the kernel counts for the maker of a user namespace, too, who is root of the host for all
// containers: each of them has limits of its own.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"

namespace berth::runtime::shim {

/// Of the user namespace that we are in, as its root.
[[nodiscard]] Result<void> limit_user_namespace();
/// Of that of the process.
[[nodiscard]] Result<void> limit_user_namespace_of(pid_t pid);

}  // namespace berth::runtime::shim
