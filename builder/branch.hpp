// SPDX-License-Identifier: Apache-2.0
//
// Where a branch of an app's repository is.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace berth::builder {

/// Of "refs/heads/main": a commit id, or 40 zeros if there is no such branch.
[[nodiscard]] Result<std::string> branch_commit(const std::filesystem::path& repository,
                                                const std::string& ref);

/// A branch that is not there, and a repository that is not, are success.
[[nodiscard]] Result<void> remove_branch(const std::filesystem::path& repository,
                                         const std::string& ref);

}  // namespace berth::builder
