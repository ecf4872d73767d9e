// SPDX-License-Identifier: Apache-2.0
//
// The platform's own lines in an app's log ("berth[api]: Release v3 …"), beside those that shims
// and router append to the same file, and the rotation of all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "server/say.hpp"

namespace berth::server {

/// Appends one line "TIMESTAMP berth[part]: text" to `<directory>/current.log`. Best effort: a full
/// disk must not stop the platform; the loss is in our own log.
void append_app_log(const std::filesystem::path& directory, std::string_view part,
                    std::string_view text);

/// For a build's log: its lines as they are, each as it comes.
[[nodiscard]] Say append_to(const std::filesystem::path& log);

/// Renames a current.log above `max_bytes` to current.log.1; writers notice by the inode.
void rotate_app_log(const std::filesystem::path& directory, std::uint64_t max_bytes);

}  // namespace berth::server
