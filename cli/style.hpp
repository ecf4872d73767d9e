// SPDX-License-Identifier: Apache-2.0
//
// Colours, or none: a Style that is off paints nothing, so callers never ask.
#pragma once

#include <string>
#include <string_view>

namespace berth::cli {

enum class Colour { none, bold, dim, red, green, yellow, blue, magenta, cyan };

struct Style {
  bool on = false;
  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;
};

/// The colour of an app's, replica's, build's or release's state: green works, yellow is under way,
/// red failed, dim rests.
[[nodiscard]] Colour colour_of_state(std::string_view state);

}  // namespace berth::cli
