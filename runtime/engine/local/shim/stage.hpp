// SPDX-License-Identifier: Apache-2.0
//
// The mounts of one container, made in a mount namespace of the shim's own, so that they go with it
// whatever kills it. Layers are idmapped: files stay owned by 0…65535 on disk and every app's
// processes see them so, although each app has host uids of its own.
#pragma once

#include <sys/types.h>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// Enters a new mount namespace with an empty tmpfs on conf.stage.
[[nodiscard]] Result<void> enter_stage(const ShimConf& conf);

/// A user namespace that maps 0…65535 to the app's host uids, for mounts. It needs a process to be
/// made and none to live on.
[[nodiscard]] Result<Fd> idmap_namespace(std::uint32_t uid_base);
/// Maps the users of the user namespace that `pid` is the first process of.
[[nodiscard]] Result<Fd> map_users(pid_t pid, std::uint32_t uid_base);

/// Makes there every mount of the configuration, `init` (this program), and for an OCI runtime
/// `oci` (its program, read-only) and an empty `state` directory.
[[nodiscard]] Result<void> build_stage(const ShimConf& conf, Fd idmap);

}  // namespace berth::runtime::shim
