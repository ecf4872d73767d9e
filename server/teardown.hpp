// SPDX-License-Identifier: Apache-2.0
//
// `berth teardown`: after the server has stopped, ends everything that outlives it: router,
// replicas, bridge, rules and cgroups. Data stays; the next `berth server` starts all of it again.
#pragma once

#include "base/result.hpp"
#include "platform/config.hpp"

namespace berth::server {

/// Refused while a server uses the data directory.
[[nodiscard]] Result<void> tear_down(const platform::Config& config);

}  // namespace berth::server
