// SPDX-License-Identifier: Apache-2.0
//
// Which names of a git tree may become files. A tree object can hold anything: names that leave the
// directory, that a later git would take for its own, or that no file system can store are refused.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace berth::builder {

/// One entry of a tree (not a path). The error says what is wrong with it.
[[nodiscard]] Result<void> check_tree_name(std::string_view name);
/// The length and depth of the whole path of an entry.
[[nodiscard]] Result<void> check_source_path(std::string_view path);

}  // namespace berth::builder
