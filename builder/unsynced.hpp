// SPDX-License-Identifier: Apache-2.0
//
// Unpacked layers that may not be on the disk yet. To wait for their thousands of files would make
// each deploy wait; where the power fails meanwhile their names are there and their content is not.
// So each is noted before it gets its name, with the boot that it was made in, until the disk is
// known to have it. A file system keeps the order of names, so a layer is never there without its
// note. What a boot before this one has left noted is unpacked again from its blob, which is
// written for good before anything refers to it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

/// Beside `layers/`: a file for each, of the same name.
inline constexpr std::string_view unsynced_folder = "unsynced";

/// Before `layers/<name>` is there.
[[nodiscard]] Result<void> note_unsynced(const std::filesystem::path& root, std::string_view name);

/// Waits until the disk has all that is noted, and takes the notes back.
[[nodiscard]] Result<void> sync_layers(const std::filesystem::path& root);

/// Those that another boot has noted.
[[nodiscard]] Result<std::vector<std::string>> lost_layers(const std::filesystem::path& root);

}  // namespace berth::builder
