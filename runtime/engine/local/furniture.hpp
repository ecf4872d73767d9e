// SPDX-License-Identifier: Apache-2.0
//
// What a container needs in a root whose changes are kept: /etc/hosts and its like, mount points,
// and files that are lent to it. They lie in a directory between the image's layers and the upper
// one, so that the upper one holds only what the programs did.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "runtime/engine/local/container.hpp"

namespace berth::runtime {

[[nodiscard]] inline std::filesystem::path furniture_directory(
    const std::filesystem::path& container) {
  return container / "furniture";
}

/// A read-only bind of one file becomes a copy: programs may replace it, as package managers do.
[[nodiscard]] bool is_lent_file(const ContainerSpec& spec, const ContainerSpec::Bind& bind);

/// Makes and fills furniture_directory(). Directories look as they do in the image. `files`: path
/// inside → content.
[[nodiscard]] Result<void> furnish(
    const ContainerSpec& spec,
    const std::vector<std::pair<std::string, std::string>>& files);

/// Takes out of `upper` what the programs made of the furniture's files. Nothing is followed.
[[nodiscard]] Result<void> remove_furniture(const std::filesystem::path& furniture,
                                            const std::filesystem::path& upper);

}  // namespace berth::runtime
