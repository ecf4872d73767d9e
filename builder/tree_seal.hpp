// SPDX-License-Identifier: Apache-2.0
//
// By what a directory that is kept between builds is believed: a digest of what its entries say of
// themselves (names, kinds, owners, modes, sizes, times, where links lead), not of what the files
// hold. So it costs a walk and no reading, and any write, truncation or loss since then shows; bits
// that a disk turns by itself do not.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace berth::builder {

/// Of all below `directory`; of it itself nothing. Follows no link.
[[nodiscard]] Result<std::string> tree_seal(const std::filesystem::path& directory);

/// Whether it still has this seal; also no if it cannot be read, or `seal` is empty.
[[nodiscard]] bool has_seal(const std::filesystem::path& directory, const std::string& seal);

}  // namespace berth::builder
