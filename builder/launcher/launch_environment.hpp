// SPDX-License-Identifier: Apache-2.0
//
// The environment of a process (specs/cnb.md 1.10): the container's, extended by every buildpack's
// layers, then by what the layers' exec.d programs say.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "builder/environment.hpp"
#include "builder/launcher/metadata.hpp"

namespace berth::launcher {

struct Layout {
  std::filesystem::path layers;
  std::filesystem::path app;
};

/// The container's environment without what is meant for the launcher alone.
[[nodiscard]] builder::Environment initial_environment(char** variables);

/// Every buildpack's layer directories, in build order; within one, by name.
[[nodiscard]] std::vector<std::vector<std::filesystem::path>> layer_directories(
    const Layout& layout, const Metadata& metadata);

/// `type` is empty for a command of the user's own.
[[nodiscard]] Result<void> extend_environment(
    builder::Environment& environment,
    const std::vector<std::vector<std::filesystem::path>>& layers, const std::string& type);

/// Runs exec.d/* and exec.d/<type>/* of every layer, in the working directory as it is.
[[nodiscard]] Result<void> run_exec_d(builder::Environment& environment,
                                      const std::vector<std::vector<std::filesystem::path>>& layers,
                                      const std::string& type);

/// profile.d/* and profile.d/<type>/* of every layer, in the order in which they are sourced.
[[nodiscard]] std::vector<std::filesystem::path> profiles(
    const std::vector<std::vector<std::filesystem::path>>& layers, const std::string& type);

/// "NAME=value" strings, as execve takes them.
[[nodiscard]] std::vector<std::string> environment_strings(const builder::Environment& environment);

}  // namespace berth::launcher
