// SPDX-License-Identifier: Apache-2.0
//
// Order resolution (specs/cnb.md 1.3): the groups that detection tries, one after the other, with
// composites replaced by what they are made of. Pure.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "builder/buildpack.hpp"

namespace berth::builder {

struct GroupElement {
  const Buildpack* buildpack = nullptr;  ///< a component; owned by the set
  bool optional = false;
  friend bool operator==(const GroupElement&, const GroupElement&) = default;
};

using Group = std::vector<GroupElement>;

/// Depth first, left to right. An optional composite also gives each group without it, after all
/// its own. A buildpack stands in a group once. A buildpack that is not installed, a composite
/// inside itself and an order of more than 4,096 groups are errors. A member that is not for the
/// execution environment is as if it were not there.
[[nodiscard]] Result<std::vector<Group>> expand_order(const Order& order, const BuildpackSet& set,
                                                      std::string_view environment);

}  // namespace berth::builder
