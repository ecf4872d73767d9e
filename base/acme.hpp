// SPDX-License-Identifier: Apache-2.0
//
// A client of certificate authorities that speak ACME (RFC 8555): proves that this machine serves a
// host, and brings home a certificate for it. Blocking; for a thread of a pool. What it proves with
// is put where the authority looks by the caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/certificate.hpp"
#include "base/result.hpp"

namespace berth {

struct AcmeAuthority {
  std::string directory;              ///< its URL
  std::string contact;                ///< an e-mail address, or empty
  std::filesystem::path trusted = {}; ///< PEM of what its own certificate is trusted by beside the
                                      ///< system's; for authorities of one's own
};

/// How a host is proved.
enum class AcmeMethod : std::uint8_t {
  http_01,      ///< `proof` is read at http://HOST/.well-known/acme-challenge/TOKEN
  tls_alpn_01,  ///< make_proof_certificate() is shown for the protocol acme-tls/1 (RFC 8737)
  dns_01,       ///< a TXT record of _acme-challenge.HOST is dns_value_of(); also for wildcards
};
/// "http-01", …; the other way round.
[[nodiscard]] std::string_view to_string(AcmeMethod method);
[[nodiscard]] Result<AcmeMethod> acme_method_of(std::string_view text);

/// What the authority wants to see.
struct AcmeChallenge {
  AcmeMethod method = AcmeMethod::http_01;
  std::string host;
  std::string token;
  std::string proof;
};

[[nodiscard]] std::string dns_value_of(const AcmeChallenge& challenge);

/// A key for an account, in PEM. The account is made at the first use, and found at later ones.
[[nodiscard]] Result<std::string> make_acme_key();

/// Takes seconds to minutes. `present` makes the proof readable, or says why it is not: nothing
/// more is asked of the authority then. Soon after `cancel` is set the error is of kind
/// `cancelled`; of kind `limit` where the authority wants fewer requests.
[[nodiscard]] Result<CertificatePem> obtain_certificate(
    const AcmeAuthority& authority, const std::string& account_key, const std::string& host,
    AcmeMethod method, const std::function<Result<void>(const AcmeChallenge&)>& present,
    const std::atomic<bool>& cancel);

}  // namespace berth
