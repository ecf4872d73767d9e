// SPDX-License-Identifier: Apache-2.0
//
// Joins a container's fresh network namespace to the bridge.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// Brings up loopback in the namespace of `pid` and, if conf.veth is set, a veth pair: one end an
/// isolated port of the bridge, the other `eth0` with its addresses and default routes.
[[nodiscard]] Result<void> connect_network(const ShimConf& conf, pid_t pid);

}  // namespace berth::runtime::shim
