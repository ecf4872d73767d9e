// SPDX-License-Identifier: Apache-2.0
//
// Who makes a container: the shim itself or an OCI runtime. Shared with the static shim.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace berth::runtime {

enum class Maker { native, crun, runc, runsc };

/// In the order of Maker.
inline constexpr std::array<std::string_view, 4> maker_names = {"native", "crun", "runc", "runsc"};

[[nodiscard]] constexpr std::string_view name_of(Maker maker) {
  return maker_names[static_cast<std::size_t>(maker)];
}

[[nodiscard]] constexpr std::optional<Maker> maker_named(std::string_view name) {
  for (std::size_t i = 0; i < maker_names.size(); ++i)
    if (maker_names[i] == name) return static_cast<Maker>(i);
  return std::nullopt;
}

struct ChosenMaker {
  Maker maker = Maker::native;
  std::string program;  ///< absolute; empty: the shim itself
  friend bool operator==(const ChosenMaker&, const ChosenMaker&) = default;
};

}  // namespace berth::runtime
