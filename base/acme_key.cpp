// SPDX-License-Identifier: Apache-2.0
#include "base/acme_key.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <vector>

#include "base/acme.hpp"
#include "base/crypto.hpp"
#include "base/openssl.hpp"

namespace berth {

namespace {

using openssl::Bio;
using openssl::Key;

constexpr std::size_t coordinate_size = 32;

Error failed(std::string_view what) {
  return {ErrorKind::internal, std::string(what) + ": " + openssl::last_reason()};
}

std::string_view bytes_of(const std::vector<unsigned char>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string padded(const BIGNUM* number) {
  std::vector<unsigned char> bytes(coordinate_size);
  BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
  return std::string(bytes_of(bytes));
}

Result<std::string> coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return failed("read the account's key");
  std::string text = base64url(padded(number));
  BN_free(number);
  return text;
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

/// r and s one behind the other (RFC 7518, section 3.4), of the DER that OpenSSL makes.
Result<std::string> raw_signature(const std::vector<unsigned char>& der) {
  const unsigned char* at = der.data();
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  if (!parts) return failed("sign");
  std::string raw = padded(ECDSA_SIG_get0_r(parts)) + padded(ECDSA_SIG_get0_s(parts));
  ECDSA_SIG_free(parts);
  return raw;
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text = base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

Result<std::string> make_acme_key() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return failed("make a key");
  return pem_of(key.get());
}

Result<AcmeKey> AcmeKey::parse(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC)
    return failed("read the account's key");
  BERTH_ASSIGN(const std::string x, coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X));
  BERTH_ASSIGN(const std::string y, coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
  AcmeKey result;
  result.jwk_ = {{"crv", "P-256"}, {"kty", "EC"}, {"x", x}, {"y", y}};
  result.key_ = {key.release(), EVP_PKEY_free};
  return result;
}

std::string AcmeKey::proof_of(std::string_view token) const {
  return std::string(token) + "." + base64url(sha256(to_text(jwk_)));
}

Result<std::string> AcmeKey::sign(const json::object& header, std::string_view payload) const {
  const std::string protected_header = base64url(to_text(header));
  const std::string body = base64url(payload);
  const std::string input = protected_header + "." + body;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::vector<unsigned char> der(128);
  std::size_t size = der.size();
  const bool made =
      context &&
      EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context, der.data(), &size,
                     reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
  EVP_MD_CTX_free(context);
  if (!made) return failed("sign");
  der.resize(size);
  BERTH_ASSIGN(const std::string signature, raw_signature(der));
  return to_text(json::object{{"protected", protected_header},
                              {"payload", body},
                              {"signature", base64url(signature)}});
}

Result<CertificateRequest> make_certificate_request(std::string_view host) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const openssl::Owned<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  const std::string names = "DNS:" + std::string(host);
  X509V3_CTX context;
  X509V3_set_ctx(&context, nullptr, nullptr, request.get(), nullptr, 0);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  X509_EXTENSION* alternative =
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str());
  if (alternative) sk_X509_EXTENSION_push(extensions, alternative);
  const bool made = key && request && alternative &&
                    X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                    X509_REQ_add_extensions(request.get(), extensions) == 1 &&
                    X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  if (!made) return failed("make the request for a certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size < 0) return failed("make the request for a certificate");
  CertificateRequest result{
      .key = pem_of(key.get()),
      .request = base64url({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)})};
  OPENSSL_free(der);
  return result;
}

}  // namespace berth
