// SPDX-License-Identifier: Apache-2.0
//
// The container's view of files: its root from the stage, the kernel's file systems on it, the
// mounts it was given, and nothing of the host.
#pragma once

#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// As root of the container's user namespace, in its pid, network, ipc and cgroup namespaces;
/// enters a mount namespace of its own. Afterwards the working directory is its root.
[[nodiscard]] Result<void> build_root(const ShimConf& conf);

}  // namespace berth::runtime::shim
