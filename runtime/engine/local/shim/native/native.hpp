// SPDX-License-Identifier: Apache-2.0
//
// Makes a container without an OCI runtime: one clone3, then both halves at once, the new process
// inside (inside.hpp) and the shim outside. What comes out is what crun makes of oci_config
// (docs/decisions/0008): the same mounts, namespaces, limits and filter.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

struct NativeProcess {
  pid_t pid = 0;  ///< a child of ours, the container's first process
  Fd pidfd;
};

/// After enter_stage(). `agent` becomes descriptor 3 of the container's first process, which says
/// `failed` there if it cannot become what it should. `filter` is the compiled seccomp filter.
[[nodiscard]] Result<NativeProcess> start_native(const ShimConf& conf, Fd agent,
                                                 std::string_view filter);

}  // namespace berth::runtime::shim
