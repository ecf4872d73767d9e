// SPDX-License-Identifier: Apache-2.0
//
// Source that comes without git, as an archive, becomes a commit of the app's repository, and is
// then built like any push: unchanged files keep their times, the same tree reuses its image. Files
// that the repository has already are not stored again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/source.hpp"

namespace berth::builder {

struct SourceImport {
  std::filesystem::path archive;     ///< tar (plain, gzip, zstd, xz, bzip2) or zip
  std::filesystem::path repository;  ///< bare
  std::string author;                ///< a name or an e-mail address
  std::string message;
  SourceLimits limits = {};
};

struct ImportedSource {
  std::string commit;  ///< also what refs/berth/source names, so that git keeps it
  std::string tree;
  std::uint64_t files = 0;
  std::vector<std::string> notes;  ///< what was left out, and why
};

/// A tree equal to the last imported one is that commit again. An entry whose name leaves the tree
/// refuses the whole archive; ".git", devices, pipes and sockets are left out.
[[nodiscard]] Result<ImportedSource> import_source(const SourceImport& import);

}  // namespace berth::builder
