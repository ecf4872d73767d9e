// SPDX-License-Identifier: Apache-2.0
//
// Slices (specs/cnb.md 1.8): files of the app directory that a buildpack wants in image layers of
// their own, because they change less often than the rest. A slice's paths are patterns of shell
// file names: '*' and '?' stop at '/', there is no "**"; a directory takes all that is in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

/// The pattern relative to the app directory and cleaned ("./a//b/" is "a/b"); empty if it leads
/// out of the directory and so matches nothing. `app`: what absolute patterns start with.
[[nodiscard]] std::string clean_slice_pattern(std::string_view pattern, std::string_view app);

/// A cleaned pattern against a path relative to the app directory.
[[nodiscard]] bool slice_matches(const std::string& pattern, const std::string& path);

/// Moves what matches from `app` to `slice`, repeating the directories above it with their owners
/// and modes. `slice` exists and is empty. Links are moved, never followed.
[[nodiscard]] Result<void> move_slice(const std::filesystem::path& app,
                                      const std::filesystem::path& slice,
                                      const std::vector<std::string>& patterns);

}  // namespace berth::builder
