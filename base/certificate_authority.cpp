// SPDX-License-Identifier: Apache-2.0
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "base/certificate.hpp"
#include "base/crypto.hpp"
#include "base/openssl.hpp"

namespace berth {

namespace {

using openssl::Bio;
using openssl::Key;
using openssl::X509Certificate;
using openssl::X509Extension;

constexpr long day_s = 24 * 3600;
constexpr long authority_s = 10 * 365 * day_s;
/// No longer than clients accept.
constexpr long leaf_s = 397 * day_s;
constexpr long proof_s = 7 * day_s;
/// A client's clock may be behind.
constexpr long before_s = day_s;

Error failed(std::string_view what) {
  return {ErrorKind::internal, std::string(what) + ": " + openssl::last_reason()};
}

Result<Key> new_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return failed("make a key");
  return key;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const X509Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// The critical extension acmeIdentifier (RFC 8737, section 3): an octet string in DER.
bool add_digest(X509* certificate, std::string_view digest) {
  const std::string der = "\x04" + std::string(1, static_cast<char>(digest.size())) +
                          std::string(digest);
  const openssl::Owned<ASN1_OBJECT, ASN1_OBJECT_free> kind(
      OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
  const openssl::Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
  if (!kind || !value ||
      ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(der.data()),
                            static_cast<int>(der.size())) != 1)
    return false;
  const X509Extension extension(
      X509_EXTENSION_create_by_OBJ(nullptr, kind.get(), 1, value.get()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Version, serial number, dates, subject and key; the rest is the caller's.
Result<X509Certificate> new_certificate(std::string_view common_name, EVP_PKEY* key, long valid_s) {
  X509Certificate certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof serial) != 1) return failed("make a certificate");
  serial[0] &= 0x7f;  // it is a signed number, and must be positive
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const bool made =
      X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -before_s) &&
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_s - before_s) &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) == 1 &&
      X509_set_pubkey(certificate.get(), key) == 1;
  if (!made) return failed("make a certificate");
  return certificate;
}

/// The one domain that the authority's own certificate permits.
std::string permitted_domain(X509* certificate) {
  auto* constraints = static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_name_constraints, nullptr, nullptr));
  std::string domain;
  if (constraints && sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees) == 1) {
    const GENERAL_NAME* name = sk_GENERAL_SUBTREE_value(constraints->permittedSubtrees, 0)->base;
    if (name->type == GEN_DNS)
      domain.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                    static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  NAME_CONSTRAINTS_free(constraints);
  return domain;
}

}  // namespace

Result<CertificateAuthority> CertificateAuthority::create(std::string_view name,
                                                          std::string_view domain) {
  BERTH_ASSIGN(const Key key, new_key());
  BERTH_ASSIGN(const X509Certificate made, new_certificate(name, key.get(), authority_s));
  X509* certificate = made.get();
  const bool signed_by_itself =
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
      add_extension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(certificate, certificate, NID_name_constraints,
                    "critical,permitted;DNS:" + std::string(domain)) &&
      add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
      X509_sign(certificate, key.get(), EVP_sha256()) > 0;
  if (!signed_by_itself) return failed("make the authority's certificate");
  return parse({.chain = pem_of(certificate), .key = pem_of(key.get())});
}

Result<CertificateAuthority> CertificateAuthority::parse(const CertificatePem& pem) {
  CertificateAuthority authority;
  authority.pem_ = pem;
  const Bio chain(BIO_new_mem_buf(pem.chain.data(), static_cast<int>(pem.chain.size())));
  X509Certificate certificate(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (!certificate) return failed("read the authority's certificate");
  const Bio secret(BIO_new_mem_buf(pem.key.data(), static_cast<int>(pem.key.size())));
  Key key(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr));
  if (!key || X509_check_private_key(certificate.get(), key.get()) != 1)
    return failed("read the authority's key");
  authority.domain_ = permitted_domain(certificate.get());
  authority.certificate_ = {certificate.release(), X509_free};
  authority.key_ = {key.release(), EVP_PKEY_free};
  return authority;
}

Time CertificateAuthority::ends_at() const {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate_.get()), &parts) != 1) return {};
  return Time{std::chrono::seconds(::timegm(&parts))};
}

bool CertificateAuthority::covers(std::string_view host) const {
  if (domain_.empty() || !host.ends_with(domain_)) return false;
  const std::size_t before = host.size() - domain_.size();
  return before == 0 || host[before - 1] == '.';
}

Result<CertificatePem> CertificateAuthority::issue(std::string_view host) const {
  if (!covers(host))
    return Error{ErrorKind::invalid,
                 "this authority signs for " + domain_ + " alone, not for " + std::string(host)};
  BERTH_ASSIGN(const Key key, new_key());
  // A common name has 64 characters at most; clients look at the alternative names alone.
  BERTH_ASSIGN(const X509Certificate made,
               new_certificate(host.substr(0, 64), key.get(), leaf_s));
  X509* certificate = made.get();
  const bool made_whole =
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate_.get())) == 1 &&
      add_extension(certificate, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(certificate, certificate_.get(), NID_key_usage, "critical,digitalSignature") &&
      add_extension(certificate, certificate_.get(), NID_ext_key_usage, "serverAuth") &&
      add_extension(certificate, certificate_.get(), NID_authority_key_identifier,
                    "keyid:always") &&
      add_extension(certificate, certificate_.get(), NID_subject_alt_name,
                    "DNS:" + std::string(host)) &&
      X509_sign(certificate, key_.get(), EVP_sha256()) > 0;
  if (!made_whole) return failed("sign a certificate");
  return CertificatePem{.chain = pem_of(certificate), .key = pem_of(key.get())};
}

Result<CertificatePem> make_proof_certificate(std::string_view host, std::string_view proof) {
  BERTH_ASSIGN(const Key key, new_key());
  BERTH_ASSIGN(const X509Certificate made, new_certificate(host.substr(0, 64), key.get(), proof_s));
  X509* certificate = made.get();
  const bool made_whole =
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
      add_extension(certificate, certificate, NID_subject_alt_name, "DNS:" + std::string(host)) &&
      add_digest(certificate, sha256(proof)) &&
      X509_sign(certificate, key.get(), EVP_sha256()) > 0;
  if (!made_whole) return failed("make the certificate that proves the host");
  return CertificatePem{.chain = pem_of(certificate), .key = pem_of(key.get())};
}

}  // namespace berth
