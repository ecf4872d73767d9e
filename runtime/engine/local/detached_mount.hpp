// SPDX-License-Identifier: Apache-2.0
//
// A file system that is mounted nowhere, for what asks for one of its files.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

/// The root directory of the ext4 file system on a device, be it mounted elsewhere or not; the
/// mount goes with the descriptor.
[[nodiscard]] Result<Fd> detached_ext4(const std::string& device);

}  // namespace berth::runtime
