// SPDX-License-Identifier: Apache-2.0
#include "base/certificate.hpp"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include "base/crypto.hpp"

namespace berth::test {

namespace {

const CertificateAuthority& authority() {
  static const CertificateAuthority made =
      CertificateAuthority::create("Test authority", "example.com").value();
  return made;
}

std::string refusal(const CertificatePem& pem) {
  const auto parsed = ServerCertificate::parse(pem);
  return parsed.has_error() ? parsed.error().message : std::string();
}

/// Made once by `openssl genrsa -traditional -aes128 -passout pass:x 2048`, cut: OpenSSL asks for
/// the passphrase before it looks at the rest.
constexpr std::string_view encrypted_key =
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,3D5B6C7E8F901122334455667788AABB\n\n"
    "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0\n"
    "-----END RSA PRIVATE KEY-----\n";

}  // namespace

TEST_CASE("an authority signs for its domain, and what it signs can be read") {
  const CertificatePem pem = authority().issue("www.example.com").value();
  const auto certificate = ServerCertificate::parse(pem);
  REQUIRE(certificate.has_value());
  CHECK(certificate->names() == std::vector<std::string>{"www.example.com"});
  CHECK(certificate->subject() == "CN = www.example.com");
  CHECK(certificate->issuer() == "CN = Test authority");
  CHECK_FALSE(certificate->is_self_signed());
  CHECK(certificate->check_time(now()).has_value());
  CHECK(certificate->ends_at() - certificate->starts_at() == 397 * 24h);
  CHECK(authority().issue("example.com").has_value());
  CHECK(authority().issue("*.example.com").has_value());
  CHECK(authority().issue("example.org").error().message ==
        "this authority signs for example.com alone, not for example.org");
  CHECK(authority().issue("badexample.com").has_error());
}

TEST_CASE("a certificate that proves a host names it alone, with the digest of the proof") {
  const CertificatePem pem = make_proof_certificate("www.example.com", "token.thumb").value();
  const auto certificate = ServerCertificate::parse(pem);
  REQUIRE(certificate.has_value());
  CHECK(certificate->names() == std::vector<std::string>{"www.example.com"});
  CHECK(certificate->is_self_signed());
  CHECK(certificate->check_time(now()).has_value());
  // id-pe-acmeIdentifier (RFC 8737, section 3).
  const ASN1_OBJECT* kind = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  X509_EXTENSION* extension =
      X509_get_ext(certificate->leaf(), X509_get_ext_by_OBJ(certificate->leaf(), kind, -1));
  REQUIRE(extension);
  CHECK(X509_EXTENSION_get_critical(extension) == 1);
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const std::string_view der(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                             static_cast<std::size_t>(ASN1_STRING_length(value)));
  CHECK(hex(der) == "0420" + sha256_hex("token.thumb"));
  ASN1_OBJECT_free(const_cast<ASN1_OBJECT*>(kind));
}

TEST_CASE("an authority that was stored signs as before") {
  const auto again = CertificateAuthority::parse(authority().pem());
  REQUIRE(again.has_value());
  CHECK(again->covers("a.b.example.com"));
  CHECK(again->ends_at() == authority().ends_at());
  const CertificatePem pem = again->issue("www.example.com").value();
  CHECK(ServerCertificate::parse({.chain = pem.chain + authority().certificate(), .key = pem.key})
            .has_value());
  CHECK(CertificateAuthority::parse({.chain = authority().certificate(), .key = pem.key})
            .has_error());
}

TEST_CASE("a certificate is valid between its dates") {
  const auto certificate = ServerCertificate::parse(authority().issue("example.com").value());
  CHECK(certificate->check_time(now() + 398 * 24h).error().message ==
        "the certificate has expired (" + rfc3339(certificate->ends_at()) + "). Renew it");
  CHECK(certificate->check_time(now() - 2 * 24h).error().message.starts_with(
      "the certificate is valid from "));
}

TEST_CASE("a wildcard covers one label, and only another wildcard covers a wildcard") {
  CHECK(certificate_name_matches("www.example.com", "www.example.com"));
  CHECK(certificate_name_matches("*.example.com", "www.example.com"));
  CHECK(certificate_name_matches("*.example.com", "*.example.com"));
  CHECK_FALSE(certificate_name_matches("*.example.com", "example.com"));
  CHECK_FALSE(certificate_name_matches("*.example.com", "a.b.example.com"));
  CHECK_FALSE(certificate_name_matches("*.example.com", ".example.com"));
  CHECK_FALSE(certificate_name_matches("www.example.com", "*.example.com"));
  CHECK_FALSE(certificate_name_matches("*.com", "*.example.com"));
}

TEST_CASE("what no client would accept is refused with the reason") {
  const CertificatePem good = authority().issue("www.example.com").value();
  const CertificatePem other = authority().issue("www.example.com").value();
  const std::string stranger =
      CertificateAuthority::create("Stranger", "example.com").value().certificate();
  CHECK(refusal(good) == "");
  CHECK(refusal({.chain = good.chain + authority().certificate(), .key = good.key}) == "");
  CHECK(refusal({.chain = "", .key = good.key}) ==
        "no certificate was found: it must be PEM, with a line -----BEGIN CERTIFICATE-----");
  CHECK(refusal({.chain = good.key, .key = good.key})
            .starts_with("no certificate was found"));
  CHECK(refusal({.chain = good.chain, .key = other.key}) ==
        "the private key does not belong to the certificate (CN = www.example.com)");
  CHECK(refusal({.chain = authority().certificate() + good.chain, .key = good.key}) ==
        "the key belongs to certificate 2 of the file: the server's own certificate must come "
        "first, then those that sign it");
  CHECK(refusal({.chain = good.chain + stranger, .key = good.key}) ==
        "the chain is out of order: certificate 2 (CN = Stranger) did not sign the one before it, "
        "which names as its issuer: CN = Test authority");
  CHECK(refusal({.chain = good.chain, .key = good.chain})
            .starts_with("the private key cannot be read ("));
  CHECK(refusal({.chain = good.chain, .key = std::string(encrypted_key)}) ==
        "the private key is protected by a passphrase. Take it off with "
        "`openssl pkey -in KEY -out NEWKEY`");
  std::string damaged = good.chain + authority().certificate();
  damaged[good.chain.size() + 60] = '!';
  CHECK(refusal({.chain = damaged, .key = good.key})
            .starts_with("certificate 2 of the file cannot be read ("));
  CHECK(refusal(authority().pem()) ==
        "the certificate names no host: clients look at its subject alternative names");
  std::string long_chain = good.chain;
  for (int i = 0; i < 10; ++i) long_chain += authority().certificate();
  CHECK(refusal({.chain = long_chain, .key = good.key}) ==
        "the certificate file holds more than 10 certificates");
}

}  // namespace berth::test
