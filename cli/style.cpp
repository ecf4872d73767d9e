// SPDX-License-Identifier: Apache-2.0
#include "cli/style.hpp"

namespace berth::cli {

namespace {

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::bold:
      return "1";
    case Colour::dim:
      return "2";
    case Colour::red:
      return "31";
    case Colour::green:
      return "32";
    case Colour::yellow:
      return "33";
    case Colour::blue:
      return "34";
    case Colour::magenta:
      return "35";
    case Colour::cyan:
      return "36";
  }
  return "";
}

}  // namespace

std::string Style::paint(Colour colour, std::string_view text) const {
  if (!on || colour == Colour::none || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code_of(colour)) + "m" + std::string(text) + "\x1b[0m";
}

Colour colour_of_state(std::string_view state) {
  if (state == "up" || state == "running" || state == "succeeded" || state == "current" ||
      state == "passing")
    return Colour::green;
  if (state == "starting" || state == "stopping" || state == "pending" || state == "deploying" ||
      state == "maintenance" || state == "waiting" || state == "retrying")
    return Colour::yellow;
  if (state == "crashed" || state == "failed" || state == "failing") return Colour::red;
  if (state == "asleep" || state == "idle" || state == "stopped" || state == "empty" ||
      state == "skipped")
    return Colour::dim;
  return Colour::none;
}

}  // namespace berth::cli
