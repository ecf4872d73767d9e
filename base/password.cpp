// SPDX-License-Identifier: Apache-2.0
#include "base/password.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/result.hpp"

namespace berth {

namespace {

constexpr unsigned long long passes = 3;
constexpr std::size_t memory_bytes = 12U << 20;

void initialise() {
  static const int ready = sodium_init();
  BERTH_ASSERT(ready >= 0);
}

}  // namespace

std::string hash_password(std::string_view password) {
  initialise();
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(), passes, memory_bytes) != 0)
    throw std::bad_alloc();  // its only failure
  return hash.data();
}

bool is_password_hash(std::string_view hash) {
  constexpr std::string_view printable =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/$=,";
  if (!hash.starts_with("$argon2id$") || hash.size() >= crypto_pwhash_STRBYTES ||
      hash.find_first_not_of(printable) != std::string_view::npos)
    return false;
  // Whoever can write a hash must not choose what it costs to check one.
  initialise();
  return crypto_pwhash_str_needs_rehash(std::string(hash).c_str(), passes, memory_bytes) == 0;
}

bool matches_password(const std::string& hash, std::string_view password) {
  initialise();
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

}  // namespace berth
