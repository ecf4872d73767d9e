// SPDX-License-Identifier: Apache-2.0
//
// <layers>/config/metadata.toml as the launcher needs it: the image's processes and the order of
// its buildpacks. Written by our exporter, or by another lifecycle.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace berth::launcher {

struct Process {
  std::string type;
  std::vector<std::string> command;
  std::vector<std::string> args;
  bool direct = false;
  std::string working_directory;
  std::vector<std::string> exec_env;
  std::string buildpack_id;
};

struct BuildpackEntry {
  std::string id;
  unsigned api = 0;  ///< the minor of "0.<minor>"
};

struct Metadata {
  std::vector<Process> processes;
  std::vector<BuildpackEntry> buildpacks;
  std::string default_type;

  /// The process of that type that may run in the environment.
  [[nodiscard]] const Process* find(std::string_view type, std::string_view exec_env) const;
  /// Whether any process has the type, whatever its environments.
  [[nodiscard]] bool names(std::string_view type) const;
  [[nodiscard]] unsigned api_of(std::string_view buildpack) const;
};

[[nodiscard]] Result<Metadata> parse_metadata(std::string_view toml);

/// What an exec.d program writes to descriptor 3: NAME = "value" lines.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_exec_d(
    std::string_view toml);

}  // namespace berth::launcher
