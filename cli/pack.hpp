// SPDX-License-Identifier: Apache-2.0
//
// A directory as a tar.gz, for people who deploy without git: what .gitignore files leave out, and
// .git itself, is not in it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "cli/failure.hpp"

namespace berth::cli {

struct Packed {
  std::uint64_t files = 0;
  std::uint64_t ignored = 0;  ///< files and whole directories that a .gitignore names
};

/// Writes `archive`. Links are packed as links; devices, pipes and sockets are left out.
[[nodiscard]] Outcome<Packed> pack_directory(const std::filesystem::path& directory,
                                             const std::filesystem::path& archive);

}  // namespace berth::cli
