// SPDX-License-Identifier: Apache-2.0
//
// The groups of commands; each lives in the file named in the comment.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace berth::cli {

[[nodiscard]] std::vector<Command> app_commands();         // apps.cpp
[[nodiscard]] std::vector<Command> git_commands();         // git.cpp
[[nodiscard]] std::vector<Command> process_commands();     // ps.cpp
[[nodiscard]] std::vector<Command> scale_commands();       // scale.cpp
[[nodiscard]] std::vector<Command> check_commands();       // checks.cpp
[[nodiscard]] std::vector<Command> cron_commands();        // cron.cpp
[[nodiscard]] std::vector<Command> network_commands();     // network.cpp
[[nodiscard]] std::vector<Command> rollout_commands();     // rollout.cpp
[[nodiscard]] std::vector<Command> placement_commands();   // placement.cpp
[[nodiscard]] std::vector<Command> volume_commands();      // volumes.cpp
[[nodiscard]] std::vector<Command> log_commands();         // logs.cpp
[[nodiscard]] std::vector<Command> run_commands();         // run.cpp
[[nodiscard]] std::vector<Command> config_commands();      // config.cpp
[[nodiscard]] std::vector<Command> release_commands();     // releases.cpp
[[nodiscard]] std::vector<Command> preview_commands();     // previews.cpp
[[nodiscard]] std::vector<Command> pipeline_commands();    // pipelines.cpp
[[nodiscard]] std::vector<Command> build_commands();       // builds.cpp
[[nodiscard]] std::vector<Command> buildpack_commands();   // buildpacks.cpp
[[nodiscard]] std::vector<Command> deploy_commands();      // deploy.cpp
[[nodiscard]] std::vector<Command> image_commands();       // images.cpp
[[nodiscard]] std::vector<Command> domain_commands();      // domains.cpp
[[nodiscard]] std::vector<Command> certificate_commands();  // certs.cpp
[[nodiscard]] std::vector<Command> https_commands();       // https.cpp
[[nodiscard]] std::vector<Command> routing_commands();     // routing.cpp
[[nodiscard]] std::vector<Command> account_commands();     // account.cpp
[[nodiscard]] std::vector<Command> platform_commands();    // platform.cpp
[[nodiscard]] std::vector<Command> pool_commands();        // placement.cpp
[[nodiscard]] std::vector<Command> disk_commands();        // disk.cpp
[[nodiscard]] std::vector<Command> completion_commands();  // completion.cpp

}  // namespace berth::cli
