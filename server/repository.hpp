// SPDX-License-Identifier: Apache-2.0
//
// An app's bare repository, with the hook that a push waits for.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "server/push.hpp"

namespace berth::server {

[[nodiscard]] Result<void> create_repository(const std::filesystem::path& path,
                                             const std::filesystem::path& hook_program);

/// While a push was held, the one before it may have moved the branch.
[[nodiscard]] Result<void> check_branches(const std::filesystem::path& repository,
                                          const std::vector<RefUpdate>& updates);

}  // namespace berth::server
