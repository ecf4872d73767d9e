// SPDX-License-Identifier: Apache-2.0
//
// The frames between a shim and whoever is attached to its replica, on a stream socket:
// one type byte, a big-endian 32-bit length, that many bytes.
#pragma once

#include <cstdint>

namespace berth::runtime {

enum class AttachFrame : char {
  data = 'd',    ///< both ways: terminal or stdin/stdout bytes
  resize = 'r',  ///< to the shim: two big-endian 16-bit numbers, columns and rows
  end = 'e',     ///< to the shim: end of input, no payload
  signal = 's',  ///< to the shim: one byte, the signal's number
  exit = 'x',    ///< from the shim, the last frame: one byte exit code, one byte signal (0: none)
};

inline constexpr std::uint32_t attach_frame_limit = 1 << 20;  ///< payload bytes

}  // namespace berth::runtime
