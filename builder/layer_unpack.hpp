// SPDX-License-Identifier: Apache-2.0
//
// A layer tar becomes an overlay lower directory. No entry can leave its root, whatever its name, its
// links or their order: every path is resolved by the kernel inside the root (openat2, RESOLVE_IN_ROOT).
// OCI whiteouts become overlay whiteouts. Devices are left out: containers get a /dev of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.hpp"

namespace berth::builder {

struct UnpackLimits {
  std::uint64_t bytes = 32ULL << 30;
  std::uint64_t entries = 4'000'000;
};

/// `tar` may be compressed in any way libarchive knows; `root` is an existing empty directory.
[[nodiscard]] Result<void> unpack_layer(const std::filesystem::path& tar,
                                        const std::filesystem::path& root,
                                        const UnpackLimits& limits = {});

/// Gives `source`, decompressed, to `output` piece by piece.
[[nodiscard]] Result<void> decompress(const std::filesystem::path& source,
                                      const std::function<Result<void>(std::string_view)>& output,
                                      const UnpackLimits& limits = {});

}  // namespace berth::builder
