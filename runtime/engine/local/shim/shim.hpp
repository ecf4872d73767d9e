// SPDX-License-Identifier: Apache-2.0
//
// One container's keeper. It makes the container, owns its output, terminal and exit status, and
// outlives the server: a restarted server finds it by its socket `shim.sock`.
//
// On a connection (and on descriptor 3) lines are commands and reports.
//   to the shim:   go | status | attach | stop MILLISECONDS | listeners | release
//   from the shim, after `status`: note (with a descriptor), started PID WALL_US,
//     listeners PORTS (what the agent sees, once asked), exited CODE SIGNAL OOM_KILLS FORCED
//     WALL_US, failed SENTENCE; then the end of the stream
// The program starts when the container is made and somebody has said `go`. After `attach` the
// connection carries attach_frame.hpp frames. `release` ends a shim that waits for somebody to
// fetch a finished program's output.
#pragma once

namespace berth::runtime::shim {

/// The whole life of a shim whose files are in `directory`; descriptors as in shim_conf.hpp.
int run_shim(const char* directory);

}  // namespace berth::runtime::shim
