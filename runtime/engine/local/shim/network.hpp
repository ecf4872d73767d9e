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

/// A network namespace that is connected before the container is made, held by a mount at `path`.
[[nodiscard]] Result<void> make_network(const ShimConf& conf, const std::string& path);

}  // namespace berth::runtime::shim
