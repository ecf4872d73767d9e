// SPDX-License-Identifier: Apache-2.0
//
// Distinct string types for ids, so that an AppId can never be passed where a ReleaseId is meant.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace berth {

template <class Tag>
struct Id {
  std::string value;

  Id() = default;
  explicit Id(std::string text) : value(std::move(text)) {}
  [[nodiscard]] bool empty() const { return value.empty(); }
  friend bool operator==(const Id&, const Id&) = default;
  friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace berth

template <class Tag>
struct std::hash<berth::Id<Tag>> {
  std::size_t operator()(const berth::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
