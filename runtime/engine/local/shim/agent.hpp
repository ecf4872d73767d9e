// SPDX-License-Identifier: Apache-2.0
//
// The first process of every container. An application is seldom fit to be one: process 1 ignores
// signals that it has no handler for and must reap orphans. The agent starts programs for its
// connections (agent_protocol.hpp), reaps, passes signals on, and reports exits.
#pragma once

namespace berth::runtime::shim {

/// Serves the connection on descriptor 3 until it ends. The result is the process's exit code.
int run_agent();

}  // namespace berth::runtime::shim
