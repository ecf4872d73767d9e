// SPDX-License-Identifier: Apache-2.0
//
// project.toml (specs/cnb.md 1.13) in both generations of the file: [io.buildpacks] of schema 0.2,
// and [project] and [build] of 0.1. Where both stand, the newer one decides. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "builder/environment.hpp"

namespace berth::builder {

/// A buildpack that is written into the file itself.
struct InlineScript {
  std::string api;
  std::string shell;  ///< the path of an interpreter
  std::string text;
  friend bool operator==(const InlineScript&, const InlineScript&) = default;
};

/// An installed buildpack by id, one that lies elsewhere by uri, or an inline one.
struct ProjectBuildpack {
  std::string id;
  std::string version;
  std::string uri;
  std::optional<InlineScript> script;
  friend bool operator==(const ProjectBuildpack&, const ProjectBuildpack&) = default;
};

struct ProjectDescriptor {
  std::vector<std::string> include;  ///< patterns as in a .gitignore; at most one of both
  std::vector<std::string> exclude;
  std::vector<ProjectBuildpack> group;
  std::vector<ProjectBuildpack> before;  ///< pre: of every group
  std::vector<ProjectBuildpack> after;   ///< post
  Environment build_environment;
  json::object metadata;  ///< for the label io.buildpacks.project.metadata
};

[[nodiscard]] Result<ProjectDescriptor> parse_project(std::string_view toml);

}  // namespace berth::builder
