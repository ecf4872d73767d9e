// SPDX-License-Identifier: Apache-2.0
#include "base/keyed_hash.hpp"

#include <sodium.h>

#include "base/result.hpp"

namespace berth {

namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

KeyedHash::KeyedHash() {
  static const int ready = sodium_init();
  BERTH_ASSERT(ready >= 0);
  randombytes_buf(key_.data(), key_.size());
}

KeyedHash::KeyedHash(std::string_view key) {
  crypto_generichash(key_.data(), key_.size(), bytes_of(key), key.size(), nullptr, 0);
}

std::uint64_t KeyedHash::of(std::string_view data) const {
  static_assert(crypto_shorthash_KEYBYTES == sizeof key_ && crypto_shorthash_BYTES == 8);
  std::array<unsigned char, 8> hash{};
  crypto_shorthash(hash.data(), bytes_of(data), data.size(), key_.data());
  std::uint64_t value = 0;
  for (const unsigned char byte : hash) value = value << 8 | byte;
  return value;
}

}  // namespace berth
