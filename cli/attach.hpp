// SPDX-License-Identifier: Apache-2.0
//
// Joins our standard input and output to a one-off over a WebSocket (docs/api.md, "Attaching"),
// with the terminal in raw mode if there is one. Beast and Asio stay inside the .cpp.
#pragma once

#include <string>

#include "cli/failure.hpp"

namespace berth::cli {

struct Attachment {
  std::string url;        ///< "ws://…"
  bool terminal = false;  ///< raw mode and resizing; descriptor 0 is a terminal
};

/// The exit code of the one-off. The terminal is as it was before when this returns, however it
/// returns.
[[nodiscard]] Outcome<int> attach(const Attachment& attachment);

}  // namespace berth::cli
