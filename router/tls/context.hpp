// SPDX-License-Identifier: Apache-2.0
//
// What the TLS connections of one thread share: OpenSSL's settings (Mozilla's "intermediate": TLS
// 1.2 and 1.3, ciphers with forward secrecy alone), the certificates and ticket keys of the
// thread's snapshot, and the memory that records are written to before they are sent.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "router/tls/certificates.hpp"
#include "router/tls/ticket_keys.hpp"

struct ssl_ctx_st;
struct bio_method_st;

namespace berth::router {

class TlsContext final {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> create();
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Handshakes from now on use these. Connections that are open go on as they are.
  void adopt(const CertificateMap& certificates, const TicketKeys& tickets) {
    certificates_ = &certificates;
    tickets_ = &tickets;
  }

  // For sessions of the thread:

  [[nodiscard]] ssl_ctx_st* settings() const { return settings_; }
  [[nodiscard]] const CertificateMap* certificates() const { return certificates_; }
  [[nodiscard]] const TicketKeys* tickets() const { return tickets_; }
  /// False if there is no room: more than any one call can have to send.
  [[nodiscard]] bool append(const char* data, std::size_t size);
  /// What was written since the last call; valid until the next write.
  [[nodiscard]] std::string_view take_output() {
    const std::string_view taken(output_.get(), output_size_);
    output_size_ = 0;
    return taken;
  }

 private:
  TlsContext() = default;
  static constexpr std::size_t output_capacity = 96 * 1024;

  ssl_ctx_st* settings_ = nullptr;
  const CertificateMap* certificates_ = nullptr;
  const TicketKeys* tickets_ = nullptr;
  std::unique_ptr<char[]> output_;
  std::size_t output_size_ = 0;
};

}  // namespace berth::router
