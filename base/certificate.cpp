// SPDX-License-Identifier: Apache-2.0
#include "base/certificate.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "base/openssl.hpp"

namespace berth {

namespace {

using openssl::Bio;
using openssl::Key;
using openssl::X509Certificate;

constexpr std::size_t max_pem = 256 * 1024;
constexpr int max_chain = 10;

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

Bio bio_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// An encrypted key is refused instead of asking a terminal for its passphrase.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<std::vector<X509Certificate>> read_chain(std::string_view text) {
  if (text.size() > max_pem) return invalid("the certificate file is larger than 256 KiB");
  std::vector<X509Certificate> chain;
  const Bio bio = bio_of(text);
  ERR_clear_error();
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(next);
    if (chain.size() > max_chain)
      return invalid("the certificate file holds more than 10 certificates");
  }
  const unsigned long end = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(end) == ERR_LIB_PEM && ERR_GET_REASON(end) == PEM_R_NO_START_LINE;
  const std::string reason = openssl::last_reason();
  if (chain.empty() && at_end)
    return invalid("no certificate was found: it must be PEM, with a line "
                   "-----BEGIN CERTIFICATE-----");
  if (!at_end)
    return invalid("certificate " + std::to_string(chain.size() + 1) +
                   " of the file cannot be read (" + reason + ")");
  return chain;
}

Result<Key> read_key(std::string_view text) {
  if (text.size() > max_pem) return invalid("the key file is larger than 256 KiB");
  const Bio bio = bio_of(text);
  bool asked = false;
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked));
  const std::string reason = openssl::last_reason();
  if (asked)
    return invalid("the private key is protected by a passphrase. Take it off with "
                   "`openssl pkey -in KEY -out NEWKEY`");
  if (!key)
    return invalid("the private key cannot be read (" + reason +
                   "): it must be PEM, with a line -----BEGIN PRIVATE KEY-----");
  const int type = EVP_PKEY_get_base_id(key.get());
  if (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key.get()) < 2048)
    return invalid("the RSA key has " + std::to_string(EVP_PKEY_get_bits(key.get())) +
                   " bits; clients refuse less than 2048");
  if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC && type != EVP_PKEY_ED25519)
    return invalid("the private key is neither RSA nor ECDSA nor Ed25519");
  return key;
}

std::string text_of(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return Time{std::chrono::seconds(::timegm(&parts))};
}

std::vector<std::string> dns_names(X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    // A name with other bytes is for nobody, and would go into messages.
    if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.*") == std::string::npos)
      names.push_back(std::move(text));
  }
  GENERAL_NAMES_free(all);
  return names;
}

Result<void> check_chain(const std::vector<X509Certificate>& chain, EVP_PKEY* key) {
  if (X509_check_private_key(chain.front().get(), key) != 1) {
    ERR_clear_error();
    for (std::size_t i = 1; i < chain.size(); ++i)
      if (X509_check_private_key(chain[i].get(), key) == 1)
        return invalid("the key belongs to certificate " + std::to_string(i + 1) +
                       " of the file: the server's own certificate must come first, then those "
                       "that sign it");
    ERR_clear_error();
    return invalid("the private key does not belong to the certificate (" +
                   text_of(X509_get_subject_name(chain.front().get())) + ")");
  }
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    const bool signs = X509_NAME_cmp(X509_get_issuer_name(chain[i].get()),
                                     X509_get_subject_name(chain[i + 1].get())) == 0 &&
                       X509_verify(chain[i].get(), X509_get0_pubkey(chain[i + 1].get())) == 1;
    ERR_clear_error();
    if (!signs)
      return invalid("the chain is out of order: certificate " + std::to_string(i + 2) + " (" +
                     text_of(X509_get_subject_name(chain[i + 1].get())) +
                     ") did not sign the one before it, which names as its issuer: " +
                     text_of(X509_get_issuer_name(chain[i].get())));
  }
  return {};
}

}  // namespace

bool certificate_name_matches(std::string_view name, std::string_view host) {
  if (name == host) return true;
  if (!name.starts_with("*.") || host.starts_with("*.")) return false;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == name.substr(1);
}

Result<ServerCertificate> ServerCertificate::parse(const CertificatePem& pem) {
  BERTH_ASSIGN(std::vector<X509Certificate> chain, read_chain(pem.chain));
  BERTH_ASSIGN(Key key, read_key(pem.key));
  BERTH_TRY(check_chain(chain, key.get()));
  X509* leaf = chain.front().get();
  ServerCertificate result;
  result.names_ = dns_names(leaf);
  if (result.names_.empty())
    return invalid("the certificate names no host: clients look at its subject alternative names");
  result.starts_at_ = time_of(X509_get0_notBefore(leaf));
  result.ends_at_ = time_of(X509_get0_notAfter(leaf));
  result.subject_ = text_of(X509_get_subject_name(leaf));
  result.issuer_ = text_of(X509_get_issuer_name(leaf));
  result.self_signed_ =
      X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0;
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest, chain[i].release());
  result.intermediates_ = {rest, [](STACK_OF(X509)* all) { sk_X509_pop_free(all, X509_free); }};
  result.leaf_ = {chain.front().release(), X509_free};
  result.key_ = {key.release(), EVP_PKEY_free};
  return result;
}

bool ServerCertificate::covers(std::string_view host) const {
  return std::ranges::any_of(
      names_, [&](const std::string& name) { return certificate_name_matches(name, host); });
}

Result<void> ServerCertificate::check_time(Time now) const {
  if (now >= ends_at_)
    return invalid("the certificate has expired (" + rfc3339(ends_at_) + "). Renew it");
  if (now < starts_at_)
    return invalid("the certificate is valid from " + rfc3339(starts_at_) +
                   " on only. Is the clock of this machine right?");
  return {};
}

}  // namespace berth
