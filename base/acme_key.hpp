// SPDX-License-Identifier: Apache-2.0
//
// The signatures of ACME: JSON Web Signatures with ES256 (RFC 7515, RFC 7518), and the request for
// a certificate. Private to the client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

struct evp_pkey_st;

namespace berth {

[[nodiscard]] std::string base64url(std::string_view bytes);

class AcmeKey final {
 public:
  [[nodiscard]] static Result<AcmeKey> parse(const std::string& pem);
  /// As a JSON Web Key, its members in the order that the thumbprint needs.
  [[nodiscard]] const json::object& jwk() const { return jwk_; }
  /// TOKEN.THUMBPRINT: the proof of a challenge.
  [[nodiscard]] std::string proof_of(std::string_view token) const;
  /// The body of a request, in flattened form.
  [[nodiscard]] Result<std::string> sign(const json::object& header,
                                         std::string_view payload) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
  json::object jwk_;
};

/// A new key for a host, and the request for its certificate, in base64url of DER.
struct CertificateRequest {
  std::string key;  ///< PEM
  std::string request;
};
[[nodiscard]] Result<CertificateRequest> make_certificate_request(std::string_view host);

}  // namespace berth
