// SPDX-License-Identifier: Apache-2.0
//
// A short hash that nobody can aim without the key (SipHash-2-4 by libsodium): for tables whose
// keys strangers choose, and for names that they cannot guess.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace berth {

class KeyedHash final {
 public:
  /// With a key of its own.
  KeyedHash();
  /// `key`: of any length; the same one makes the same hash.
  explicit KeyedHash(std::string_view key);
  [[nodiscard]] std::uint64_t of(std::string_view data) const;

 private:
  std::array<unsigned char, 16> key_;
};

}  // namespace berth
