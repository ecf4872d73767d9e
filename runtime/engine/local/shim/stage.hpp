// SPDX-License-Identifier: Apache-2.0
//
// The mounts of one container, made in a mount namespace of the shim's own, so that they go with it
// whatever kills it. Layers are idmapped: files stay owned by 0…65535 on disk and every app's
// processes see them so, although each app has host uids of its own.
#pragma once

#include "base/result.hpp"
#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// Enters a new mount namespace and makes there, below conf.stage: every mount of the
/// configuration, `init` (this program), `oci` (the OCI runtime's, read-only), and an empty `state`
/// directory.
[[nodiscard]] Result<void> build_stage(const ShimConf& conf);

}  // namespace berth::runtime::shim
