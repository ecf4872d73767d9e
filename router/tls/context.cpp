// SPDX-License-Identifier: Apache-2.0
#include "router/tls/context.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstring>

#include "base/openssl.hpp"

namespace berth::router {

namespace {

/// Mozilla's "intermediate" of version 5.7, without its finite-field Diffie-Hellman.
constexpr auto ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr auto groups = "X25519:P-256:P-384";
constexpr unsigned char session_context[] = "berth";

TlsContext& context_of(void* pointer) { return *static_cast<TlsContext*>(pointer); }

/// A certificate authority that looks for a proof offers one protocol alone (RFC 8737, section 3).
/// Its connection is marked by the session's data. It gets no ticket, which would lead elsewhere.
int note_authority(SSL* ssl, int*, void* argument) {
  constexpr std::string_view alone("\x00\x0b\x0a" "acme-tls/1", 13);
  const unsigned char* offered = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered,
                                &size) == 1 &&
      std::string_view(reinterpret_cast<const char*>(offered), size) == alone) {
    SSL_set_app_data(ssl, argument);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

bool is_authority(const SSL* ssl) { return SSL_get_app_data(ssl) != nullptr; }

int choose_certificate(SSL* ssl, int* alert, void* argument) {
  const CertificateMap* certificates = context_of(argument).certificates();
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const std::string_view host = name ? name : "";
  const ServerCertificate* found = nullptr;
  if (certificates)
    found = is_authority(ssl) ? certificates->find_proof(host) : certificates->find(host);
  if (!found) {
    *alert = name ? SSL_AD_UNRECOGNIZED_NAME : SSL_AD_HANDSHAKE_FAILURE;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  if (SSL_use_cert_and_key(ssl, found->leaf(), found->key(), found->intermediates(), 1) != 1) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char known[] = "\x02h2\x08http/1.1";
  if (is_authority(ssl)) {
    *chosen = offered + 1;
    *chosen_size = offered[0];
    return SSL_TLSEXT_ERR_OK;
  }
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, known, sizeof known - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol (RFC 7301, section 3.2)
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKeys::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<unsigned char*>(key.mac.data()),
                                        key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// 1: go on; 2: the ticket is good, but its key is old: give another; 0: no (full handshake).
int seal_or_open_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int seal) {
  static const EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  const TicketKeys* keys = context_of(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))).tickets();
  if (!keys || keys->count == 0) return 0;
  if (seal) {
    const TicketKeys::Key& key = keys->keys.front();
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1) return -1;
    return EVP_EncryptInit_ex2(cipher, aes, key.cipher.data(), iv, nullptr) == 1 &&
                   set_mac_key(mac, key)
               ? 1
               : -1;
  }
  for (std::size_t i = 0; i < keys->count; ++i) {
    const TicketKeys::Key& key = keys->keys[i];
    if (std::memcmp(name, key.name.data(), key.name.size()) != 0) continue;
    if (EVP_DecryptInit_ex2(cipher, aes, key.cipher.data(), iv, nullptr) != 1 ||
        !set_mac_key(mac, key))
      return -1;
    // In TLS 1.3 every resumption gives a new ticket anyway.
    return i == 0 || SSL_version(ssl) >= TLS1_3_VERSION ? 1 : 2;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::create() {
  std::unique_ptr<TlsContext> context(new TlsContext);
  SSL_CTX* ssl = SSL_CTX_new(TLS_server_method());
  if (!ssl) return Error{ErrorKind::internal, "start TLS: " + openssl::last_reason()};
  context->settings_ = ssl;
  const bool set = SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(ssl, ciphers) == 1 &&
                   SSL_CTX_set1_groups_list(ssl, groups) == 1 &&
                   SSL_CTX_set_session_id_context(ssl, session_context,
                                                  sizeof session_context - 1) == 1 &&
                   SSL_CTX_set_num_tickets(ssl, 1) == 1;
  if (!set) return Error{ErrorKind::internal, "set TLS up: " + openssl::last_reason()};
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Buffers are given back while a connection has nothing in them; one system call reads as much as
  // there is.
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ssl, 1);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(ssl, std::chrono::seconds(TicketKeys::rotate_after).count() *
                               static_cast<long>(TicketKeys::kept - 1));
  SSL_CTX_set_app_data(ssl, context.get());
  SSL_CTX_set_client_hello_cb(ssl, note_authority, context.get());
  SSL_CTX_set_tlsext_servername_callback(ssl, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(ssl, context.get());
  SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, seal_or_open_ticket);
  // Not zeroed: pages that no record reaches stay unmapped.
  context->output_ = std::unique_ptr<char[]>(new char[output_capacity]);
  return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(settings_); }

bool TlsContext::append(const char* data, std::size_t size) {
  if (size > output_capacity - output_size_) return false;
  std::memcpy(output_.get() + output_size_, data, size);
  output_size_ += size;
  return true;
}

}  // namespace berth::router
