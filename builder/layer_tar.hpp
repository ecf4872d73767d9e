// SPDX-License-Identifier: Apache-2.0
//
// A directory streamed as a normalised tar while it is hashed: entries in the order of a sorted
// walk, owners and modes from the disk, everything else constant (tar_format). Nothing is followed:
// the tree was written by people we do not trust.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace berth::builder {

struct TarSummary {
  std::string digest;  ///< "sha256:…"
  std::uint64_t size_bytes = 0;
};

/// An overlay's whiteouts and opaque directories: left out where they mean nothing any more, or
/// written as OCI has them, for a layer that is an upper directory.
enum class Whiteouts { left_out, written };

/// Writes the tar of `directory`'s content (not the directory itself) to `output`. Sockets, pipes
/// and devices are left out. A file that changes its size meanwhile is an error.
[[nodiscard]] Result<TarSummary> write_layer_tar(const std::filesystem::path& directory,
                                                 int output,
                                                 Whiteouts whiteouts = Whiteouts::left_out);

}  // namespace berth::builder
