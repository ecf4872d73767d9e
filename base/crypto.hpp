// SPDX-License-Identifier: Apache-2.0
//
// Random ids and tokens, digests, and authenticated encryption at rest (libsodium secretbox with a
// fresh nonce each). The key is a file of mode 0600 beside the database.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth {

/// A random (version 4) UUID.
[[nodiscard]] std::string random_uuid();
/// `bytes` random bytes as lower-case hex.
[[nodiscard]] std::string random_hex(std::size_t bytes);
[[nodiscard]] std::string hex(std::string_view bytes);
/// Equal, in a time that does not depend on where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

/// SHA-256 as 32 bytes; as 64 hex digits.
[[nodiscard]] std::string sha256(std::string_view data);
[[nodiscard]] std::string sha256_hex(std::string_view data);

/// SHA-256 of a stream.
class Sha256 final {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::string_view data);
  [[nodiscard]] std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Encrypts and decrypts small values. The key never leaves the object.
class SecretBox final {
 public:
  /// Reads the key file, or makes it if it is not there.
  [[nodiscard]] static Result<SecretBox> open(const std::filesystem::path& key_file);
  [[nodiscard]] static SecretBox ephemeral();
  ~SecretBox();
  SecretBox(SecretBox&&) noexcept = default;
  SecretBox& operator=(SecretBox&&) noexcept = default;

  [[nodiscard]] std::string seal(std::string_view plain) const;
  [[nodiscard]] Result<std::string> unseal(std::string_view sealed) const;

 private:
  SecretBox() = default;
  std::array<unsigned char, 32> key_{};
};

}  // namespace berth
