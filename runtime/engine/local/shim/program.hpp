// SPDX-License-Identifier: Apache-2.0
//
// One program inside a container: started in a session of its own as its user, ended with all that
// it left behind.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/agent_protocol.hpp"

namespace berth::runtime::shim {

struct StartedProgram {
  pid_t pid = 0;
  Fd terminal;  ///< the pseudo-terminal's master, if one was asked for
};

/// `fds` are the program's 0, 1 and 2 unless it has a terminal; they are closed here.
[[nodiscard]] Result<StartedProgram> start_program(const AgentRun& run, std::vector<Fd>& fds);

/// SIGKILLs what the session holds; and, when nothing else runs in the container, every other
/// process too, also those that left the session.
void kill_session(pid_t leader, bool others_run);

}  // namespace berth::runtime::shim
