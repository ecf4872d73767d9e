// SPDX-License-Identifier: Apache-2.0
//
// What bin/build leaves behind (specs/cnb.md 1.6): <layer>.toml, launch.toml, build.toml,
// store.toml as values. Pure; everything here was written by a buildpack and may be wrong.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::builder {

struct LayerFlags {
  bool build = false;
  bool launch = false;
  bool cache = false;
  friend bool operator==(const LayerFlags&, const LayerFlags&) = default;
};

struct LayerToml {
  LayerFlags flags;
  json::object metadata;
  /// Metadata's exec-env: the environments that the layer is for; empty or "*": every one.
  [[nodiscard]] std::vector<std::string> exec_env() const;
  friend bool operator==(const LayerToml&, const LayerToml&) = default;
};

[[nodiscard]] Result<LayerToml> parse_layer_toml(std::string_view toml);
/// As a restored layer is given back: the metadata without [types].
[[nodiscard]] std::string restored_layer_toml(const json::object& metadata);
/// "build", "launch" and "store" are files of the lifecycle; a name is one part of a path.
[[nodiscard]] Result<void> check_layer_name(std::string_view name);

struct Process {
  std::string type;
  std::vector<std::string> command;
  std::vector<std::string> args = {};
  bool direct = true;
  bool is_default = false;
  std::string working_directory = {};  ///< empty: the app directory
  std::vector<std::string> exec_env = {};
  std::string buildpack_id = {};
  friend bool operator==(const Process&, const Process&) = default;
};

/// Letters, digits, '.', '_' and '-': a type also becomes a file name in /cnb/process.
[[nodiscard]] bool is_process_type(std::string_view type);

struct LaunchToml {
  std::vector<Process> processes;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::vector<std::string>> slices;  ///< each the patterns of its paths
};

/// The rules for processes changed with API 0.9: commands became lists, and always direct.
[[nodiscard]] Result<LaunchToml> parse_launch_toml(std::string_view toml, unsigned api,
                                                   std::string_view buildpack_id);

/// Names of the entries that a buildpack did not meet; each must be one it was `given`.
[[nodiscard]] Result<std::vector<std::string>> parse_build_toml(
    std::string_view toml, const std::vector<std::string>& given);

/// The [metadata] of store.toml.
[[nodiscard]] Result<json::object> parse_store_toml(std::string_view toml);

}  // namespace berth::builder
