// SPDX-License-Identifier: Apache-2.0
#include "base/acme.hpp"

#include <doctest/doctest.h>

#include "base/acme_key.hpp"
#include "base/crypto.hpp"

namespace berth::test {

namespace {

/// The key of RFC 7515, appendix A.3.1.
constexpr const char* example_key =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

}  // namespace

TEST_CASE("an account's key is shown as the standard's example is") {
  const auto key = AcmeKey::parse(example_key);
  REQUIRE_MESSAGE(key.has_value(), key.error().message);
  CHECK(to_text(key->jwk()) ==
        R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
        R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  // The thumbprint of RFC 7638 for this key.
  CHECK(key->proof_of("token") == "token.oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

TEST_CASE("base64url has no padding and no characters that URLs give a meaning") {
  CHECK(base64url("\xff\xef\xbe") == "_---");
  CHECK(base64url("a") == "YQ");
  CHECK(base64url("") == "");
}

TEST_CASE("a challenge has the name that authorities give it") {
  for (const AcmeMethod method : {AcmeMethod::http_01, AcmeMethod::tls_alpn_01, AcmeMethod::dns_01})
    CHECK(acme_method_of(to_string(method)).value() == method);
  CHECK(to_string(AcmeMethod::tls_alpn_01) == "tls-alpn-01");
  CHECK(acme_method_of("http-02").error().message ==
        "must be http-01, tls-alpn-01 or dns-01, not 'http-02'");
}

TEST_CASE("a TXT record has the digest of the proof") {
  CHECK(dns_value_of({.method = AcmeMethod::dns_01, .host = "a.example", .proof = "abc"}) ==
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

TEST_CASE("a signature has r and s at their full length, and each is another") {
  const auto key = AcmeKey::parse(make_acme_key().value());
  REQUIRE(key.has_value());
  std::string last;
  for (int i = 0; i < 300; ++i) {  // one of 256 numbers begins with a zero byte
    const json::object signed_body =
        parse_json_object(key->sign({{"alg", "ES256"}}, "{}").value()).value();
    CHECK(signed_body.at("payload") == "e30");
    const std::string signature(signed_body.at("signature").get_string());
    CHECK(signature.size() == 86);
    CHECK(signature != last);
    last = signature;
  }
}

TEST_CASE("an authority must be asked by https, and one that is not there is named") {
  const std::atomic<bool> go_on{false};
  const auto never = [](const AcmeChallenge&) -> Result<void> { return {}; };
  const std::string key = make_acme_key().value();
  const auto plain = obtain_certificate({.directory = "http://127.0.0.1:1/", .contact = ""}, key,
                                        "a.example", AcmeMethod::http_01, never, go_on);
  CHECK(plain.error().message == "an authority's address must begin with https://");
  const auto gone = obtain_certificate({.directory = "https://127.0.0.1:1/d", .contact = ""}, key,
                                       "a.example", AcmeMethod::http_01, never, go_on);
  CHECK(gone.error().kind == ErrorKind::unavailable);
  const std::atomic<bool> cancelled{true};
  const auto stopped = obtain_certificate({.directory = "https://127.0.0.1:1/d", .contact = ""},
                                          key, "a.example", AcmeMethod::http_01, never, cancelled);
  CHECK(stopped.error().kind == ErrorKind::cancelled);
}

}  // namespace berth::test
