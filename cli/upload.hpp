// SPDX-License-Identifier: Apache-2.0
//
// A file goes to the platform: a place is asked for, and the file streamed there.
#pragma once

#include <filesystem>
#include <string>

#include "cli/session.hpp"

namespace berth::cli {

/// The URL that a later request names it by.
[[nodiscard]] Outcome<std::string> upload_file(Session& session, const ApiClient& api,
                                               const std::filesystem::path& file);

/// Of a file that is there and is one.
[[nodiscard]] Outcome<std::filesystem::path> existing_file(const Session& session,
                                                           const std::string& word);

}  // namespace berth::cli
