// SPDX-License-Identifier: Apache-2.0
//
// `berth server`: builds every part of the control plane in order, runs it until SIGTERM, takes it
// down in reverse. Replicas and router go on without it.
#pragma once

#include "base/result.hpp"
#include "server/options.hpp"

namespace berth::server {

/// Returns after a clean stop, or the reason why it could not start.
[[nodiscard]] Result<void> run_server(const ServerOptions& options);

}  // namespace berth::server
