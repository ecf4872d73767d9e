// SPDX-License-Identifier: Apache-2.0
//
// Bytes that a test program is given in lower-case hexadecimal, so that each text is a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::test {

[[nodiscard]] inline std::optional<std::string> from_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digits.find(text[i]);
    const auto low = digits.find(text[i + 1]);
    if (high == digits.npos || low == digits.npos) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace berth::test
