// SPDX-License-Identifier: Apache-2.0
//
// What of this machine reaches a build: its CA certificates, proxy settings and the operator's
// choice of package registries, nothing else of our environment; and the request of every build.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "builder/build.hpp"
#include "platform/config.hpp"

namespace berth::server {

[[nodiscard]] std::vector<builder::SandboxSpec::Bind> machine_binds();
[[nodiscard]] std::map<std::string, std::string> machine_environment();

/// Where the platform's own files are.
struct BuildPrograms {
  std::filesystem::path programs;  ///< berth-git-hook and berth-launcher
  std::filesystem::path buildpacks;
};

/// All of a request that is not its app's. Its work directory is below the one named.
[[nodiscard]] builder::BuildRequest machine_request(const platform::Config& config,
                                                    const BuildPrograms& programs);

}  // namespace berth::server
