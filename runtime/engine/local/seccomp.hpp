// SPDX-License-Identifier: Apache-2.0
//
// The system calls that a container may make, as a compiled BPF program. Compiling takes longer
// than starting the container (20 ms), so it is done once a process and handed on ready to
// whoever takes it so.
#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::runtime {

/// struct sock_filter[] as bytes. At least as tight as Docker's default profile without
/// capabilities; also no ptrace, no io_uring, and no sockets but unix, IPv4, IPv6 and netlink.
[[nodiscard]] Result<std::string> compile_seccomp_filter();

/// The same rules as the "seccomp" of an OCI runtime's configuration, for those that take it
/// no other way.
[[nodiscard]] json::object seccomp_profile();

}  // namespace berth::runtime
