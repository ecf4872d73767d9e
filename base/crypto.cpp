// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>

#include "base/file.hpp"

namespace berth {

namespace {

void initialise() {
  static const int ready = sodium_init();
  BERTH_ASSERT(ready >= 0);
}

std::string random_bytes(std::size_t count) {
  initialise();
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

const unsigned char* unsigned_data(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::string random_hex(std::size_t bytes) { return hex(random_bytes(bytes)); }

std::string random_uuid() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text = hex(bytes);
  for (const std::size_t position : {8, 13, 18, 23}) text.insert(position, 1, '-');
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), unsigned_data(bytes), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.resize(text.size() - 1);  // the terminating NUL
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &length, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return Error{ErrorKind::invalid, "not valid base64"};
  bytes.resize(length);
  return bytes;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  BERTH_ASSERT(state_->context && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view data) {
  BERTH_ASSERT(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1);
}

std::string Sha256::finish_hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  BERTH_ASSERT(EVP_DigestFinal_ex(state_->context, digest, &length) == 1);
  return hex({reinterpret_cast<char*>(digest), length});
}

std::string sha256(std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  BERTH_ASSERT(EVP_Digest(data.data(), data.size(), digest, &length, EVP_sha256(), nullptr) == 1);
  return {reinterpret_cast<char*>(digest), length};
}

std::string sha256_hex(std::string_view data) { return hex(sha256(data)); }

Result<SecretBox> SecretBox::open(const std::filesystem::path& key_file) {
  initialise();
  SecretBox box;
  static_assert(crypto_secretbox_KEYBYTES == sizeof box.key_);
  auto content = read_file(key_file, 4096);
  if (content.has_error()) {
    if (content.error().kind != ErrorKind::not_found) return content.error();
    content = random_bytes(box.key_.size());
    BERTH_TRY(write_file_atomic(key_file, *content, 0600));
  }
  if (content->size() != box.key_.size())
    return Error{ErrorKind::invalid, "the key file " + key_file.string() +
                                         " is damaged: it must hold exactly 32 bytes. Restore it "
                                         "from a backup; without it config vars cannot be read"};
  std::ranges::copy(*content, box.key_.begin());
  return box;
}

SecretBox SecretBox::ephemeral() {
  initialise();
  SecretBox box;
  randombytes_buf(box.key_.data(), box.key_.size());
  return box;
}

SecretBox::~SecretBox() { sodium_memzero(key_.data(), key_.size()); }

std::string SecretBox::seal(std::string_view plain) const {
  std::string sealed = random_bytes(crypto_secretbox_NONCEBYTES);
  sealed.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
  auto* bytes = reinterpret_cast<unsigned char*>(sealed.data());
  crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES, unsigned_data(plain), plain.size(),
                        bytes, key_.data());
  return sealed;
}

Result<std::string> SecretBox::unseal(std::string_view sealed) const {
  constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (sealed.size() < overhead) return Error{ErrorKind::invalid, "sealed value is too short"};
  std::string plain(sealed.size() - overhead, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(plain.data()),
                                 unsigned_data(sealed) + crypto_secretbox_NONCEBYTES,
                                 sealed.size() - crypto_secretbox_NONCEBYTES,
                                 unsigned_data(sealed), key_.data()) != 0)
    return Error{ErrorKind::invalid,
                 "sealed value cannot be opened: it was changed, or sealed with another key"};
  return plain;
}

}  // namespace berth
