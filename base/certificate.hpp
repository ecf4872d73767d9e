// SPDX-License-Identifier: Apache-2.0
//
// X.509 as far as a TLS server needs it: a certificate with its chain and private key, read from
// PEM and checked; and a small authority of our own that signs certificates for development.
// OpenSSL reads and writes every byte of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

struct evp_pkey_st;
struct stack_st_X509;
struct x509_st;

namespace berth {

/// Certificate chain and private key as text. The key is a secret: it is never logged.
struct CertificatePem {
  std::string chain;
  std::string key;
  friend bool operator==(const CertificatePem&, const CertificatePem&) = default;
};

/// Whether a certificate for `name` ("www.example.com", "*.example.com") is good for `host`; a
/// host with a wildcard needs that very name. Both in lower case.
[[nodiscard]] bool certificate_name_matches(std::string_view name, std::string_view host);

/// Immutable; copies share what they hold, from any thread.
class ServerCertificate final {
 public:
  /// Refuses what no client would accept whatever the time is: a key that does not belong to the
  /// certificate, one too short, a chain that is out of order, a certificate that names no host.
  [[nodiscard]] static Result<ServerCertificate> parse(const CertificatePem& pem);

  /// DNS names, in lower case.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool covers(std::string_view host) const;
  /// Refuses one that is not valid yet, or any more.
  [[nodiscard]] Result<void> check_time(Time now) const;
  [[nodiscard]] Time starts_at() const { return starts_at_; }
  [[nodiscard]] Time ends_at() const { return ends_at_; }
  [[nodiscard]] const std::string& subject() const { return subject_; }  ///< "CN = example.com"
  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  [[nodiscard]] bool is_self_signed() const { return self_signed_; }

  // Borrowed, for OpenSSL's own calls.
  [[nodiscard]] x509_st* leaf() const { return leaf_.get(); }
  [[nodiscard]] stack_st_X509* intermediates() const { return intermediates_.get(); }
  [[nodiscard]] evp_pkey_st* key() const { return key_.get(); }

 private:
  ServerCertificate() = default;
  std::shared_ptr<x509_st> leaf_;
  std::shared_ptr<stack_st_X509> intermediates_;
  std::shared_ptr<evp_pkey_st> key_;
  std::vector<std::string> names_;
  Time starts_at_{};
  Time ends_at_{};
  std::string subject_;
  std::string issuer_;
  bool self_signed_ = false;
};

/// Signs certificates for hosts of one domain, and for no others: its own certificate says so,
/// hence whoever trusts it trusts it for these alone.
class CertificateAuthority final {
 public:
  /// `domain` and all below it.
  [[nodiscard]] static Result<CertificateAuthority> create(std::string_view name,
                                                           std::string_view domain);
  /// One that was created before.
  [[nodiscard]] static Result<CertificateAuthority> parse(const CertificatePem& pem);
  /// For clients to trust.
  [[nodiscard]] const std::string& certificate() const { return pem_.chain; }
  /// With the key: a secret.
  [[nodiscard]] const CertificatePem& pem() const { return pem_; }
  [[nodiscard]] Time ends_at() const;
  /// Whether it may sign for the host.
  [[nodiscard]] bool covers(std::string_view host) const;
  [[nodiscard]] Result<CertificatePem> issue(std::string_view host) const;

 private:
  CertificateAuthority() = default;
  CertificatePem pem_;
  std::string domain_;
  std::shared_ptr<x509_st> certificate_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// What proves to an ACME authority that `host` is served here (RFC 8737): signed by itself, with
/// the digest of the challenge's proof.
[[nodiscard]] Result<CertificatePem> make_proof_certificate(std::string_view host,
                                                            std::string_view proof);

}  // namespace berth
