// SPDX-License-Identifier: Apache-2.0
//
// The processes of an image: those of all buildpacks merged (specs/cnb.md 1.6), and the documents
// they are written to: the launcher's metadata.toml and the image's build metadata label. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "builder/buildpack.hpp"
#include "builder/layer_metadata.hpp"

namespace berth::builder {

struct ProcessSet {
  std::map<std::string, Process> by_type;
  std::string default_type;
  std::vector<std::string> notes;  ///< for the build log

  /// A later buildpack's process replaces an earlier one of its type; the last default wins;
  /// replacing the default without being one clears it.
  void merge(const std::vector<Process>& processes);
};

/// <layers>/config/metadata.toml.
[[nodiscard]] json::object launcher_metadata(const ProcessSet& processes,
                                             const std::vector<const Buildpack*>& group);
/// The label io.buildpacks.build.metadata.
[[nodiscard]] json::object build_metadata(const ProcessSet& processes,
                                          const std::vector<const Buildpack*>& group);
/// Reads that label back.
[[nodiscard]] Result<ProcessSet> parse_build_metadata(std::string_view json_text);

/// As people write it: "node server.js"; a command given to a shell is shown as it is.
[[nodiscard]] std::string command_line(const Process& process);

}  // namespace berth::builder
