// SPDX-License-Identifier: Apache-2.0
//
// The build plan (specs/cnb.md 1.4): what each buildpack that passed detection provides and
// requires, with alternatives, resolved to the group that builds and the entries it is given. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::builder {

struct Requirement {
  std::string name;
  json::object metadata;
  friend bool operator==(const Requirement&, const Requirement&) = default;
};

/// One alternative of a buildpack: the top level of its plan, or an [[or]].
struct PlanOption {
  std::vector<std::string> provides;
  std::vector<Requirement> requirements;
  friend bool operator==(const PlanOption&, const PlanOption&) = default;
};

/// What bin/detect wrote; always one option at least.
[[nodiscard]] Result<std::vector<PlanOption>> parse_plan(std::string_view toml);

struct PlanElement {
  std::string name;  ///< for the reason of a failure
  bool optional = false;
  std::vector<PlanOption> options;
};

struct PlanEntry {
  std::string name;
  std::vector<std::size_t> providers;  ///< indexes of elements, in their order
  std::vector<Requirement> requirements;
  friend bool operator==(const PlanEntry&, const PlanEntry&) = default;
};

struct PlanResolution {
  std::vector<std::size_t> group;  ///< indexes of the elements that stay
  std::vector<PlanEntry> entries;  ///< sorted by name
  friend bool operator==(const PlanResolution&, const PlanResolution&) = default;
};

struct PlanResult {
  std::optional<PlanResolution> resolution;
  std::string why;  ///< without a resolution: why the last trial failed
};

/// Trials are made left to right, depth first; the first that resolves wins. More than 65,536
/// trials end without a resolution.
[[nodiscard]] PlanResult resolve_plan(const std::vector<PlanElement>& elements);

}  // namespace berth::builder
