// SPDX-License-Identifier: Apache-2.0
//
// What the command line asks of git, by argument vector: configuration of the repository here, and
// the credential helper that lets `git push` ask for nothing.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/failure.hpp"

namespace berth::cli {

class Session;

/// The value of a key as git sees it in that directory; nothing if it is unset or there is no git.
[[nodiscard]] std::optional<std::string> git_config(const std::filesystem::path& directory,
                                                    const std::string& key);
[[nodiscard]] bool in_git_repository(const std::filesystem::path& directory);
/// The branch that is checked out there; empty if none is.
[[nodiscard]] std::string current_branch(const std::filesystem::path& directory);

/// The value of `credential.<origin>.helper` that makes git ask `executable git:credentials`.
[[nodiscard]] std::string credential_helper(const std::filesystem::path& executable);

/// Adds or changes the remote, sets the helper for its origin, and remembers the origin in the
/// context that `api_url` belongs to.
[[nodiscard]] Outcome<void> connect_repository(Session& session, const std::string& api_url,
                                               const std::string& remote,
                                               const std::string& git_url);

/// The attributes that git writes to a credential helper: "protocol=http\nhost=…\n\n". Pure.
[[nodiscard]] std::map<std::string, std::string> parse_credential(std::string_view text);

/// How to deploy from here: "git push berth main", or another branch's way of it.
[[nodiscard]] std::string push_command(const std::filesystem::path& directory,
                                       const std::string& remote);

}  // namespace berth::cli
