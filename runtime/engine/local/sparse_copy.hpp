// SPDX-License-Identifier: Apache-2.0
//
// Copies of large files with holes: shared with the original where the file system can, and
// otherwise without what was never written.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace berth::runtime {

/// Whether a copy there takes no room of its own.
[[nodiscard]] bool can_reflink(const std::filesystem::path& from, const std::filesystem::path& to);
/// `to` must not exist; what there is of it after an error is the caller's to remove.
[[nodiscard]] Result<void> sparse_copy(const std::filesystem::path& from,
                                       const std::filesystem::path& to);
/// A file's content, or a directory's names, survive a loss of power from now on.
[[nodiscard]] Result<void> sync_file(const std::filesystem::path& path);

}  // namespace berth::runtime
