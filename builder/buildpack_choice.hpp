// SPDX-License-Identifier: Apache-2.0
//
// Which buildpacks an app is built with: by what it or its owner chose, or else by detection in the
// installed order. Pure; buildpack_fetch brings what was chosen here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "builder/buildpack.hpp"
#include "builder/buildpack_source.hpp"
#include "builder/project_toml.hpp"

namespace berth::builder {

struct InlineBuildpack {
  std::string id;
  std::string version;
  InlineScript script;
  friend bool operator==(const InlineBuildpack&, const InlineBuildpack&) = default;
};

using ChosenBuildpack = std::variant<BuildpackSource, InlineBuildpack>;

struct BuildpackChoice {
  std::string by;                       ///< who chose the group: "project.toml"; empty: detection
  std::vector<ChosenBuildpack> group;   ///< all required, in this order
  std::vector<ChosenBuildpack> before;  ///< of whatever group it is
  std::vector<ChosenBuildpack> after;
};

struct BuildpackWishes {
  std::vector<std::string> app;       ///< `berth buildpacks:set`
  std::string url;                    ///< the config var BUILDPACK_URL
  const ProjectDescriptor& project;   ///< of project.toml
  std::optional<std::string> listed;  ///< the content of .buildpacks
};

/// The first that names any: the app's own setting, BUILDPACK_URL, project.toml, .buildpacks.
[[nodiscard]] Result<BuildpackChoice> choose_buildpacks(const BuildpackWishes& wishes);

/// The group that was asked for, with the optional members that stand beside these buildpacks in
/// the installed order: who asks for Node.js alone still gets a static server and the Procfile.
[[nodiscard]] OrderGroup complete_group(const OrderGroup& chosen, const Order& installed);

/// What "heroku/nodejs" is here, where no buildpack of that name is installed: "berth/nodejs".
[[nodiscard]] std::string alias_of(std::string_view id);

}  // namespace berth::builder
