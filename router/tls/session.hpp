// SPDX-License-Identifier: Apache-2.0
//
// TLS on one accepted connection. It reads its source itself; what it has to send is written to the
// thread's TlsContext, from where the Connection sends it like any other bytes. So it never waits
// for a socket to take something, and knows without asking again when a socket is drained.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "router/tls/context.hpp"

struct ssl_st;

namespace berth::router {

/// Where the bytes of a connection are read from, as by recv(2).
class ByteSource {
 public:
  [[nodiscard]] virtual ssize_t read_some(char* to, std::size_t capacity) = 0;

 protected:
  ~ByteSource() = default;
};

class TlsSession final {
 public:
  /// Null if memory is short.
  [[nodiscard]] static std::unique_ptr<TlsSession> accept(TlsContext& context,
                                                          ByteSource& source);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Read : std::uint8_t {
    data,
    blocked,
    end,     ///< the peer said that it sends no more
    failed,  ///< also where the stream ended without that: it may have been cut
  };
  /// Goes through the handshake first. After this and every call below that says "output", what
  /// take_output() gives is to be sent before the next call on the thread.
  [[nodiscard]] Read read(char* to, std::size_t capacity, std::size_t& size);
  /// Whether there is a byte to read before the end. Output.
  [[nodiscard]] bool has_input();
  /// Nothing is left to read until the socket is readable again.
  [[nodiscard]] bool is_drained() const;
  /// The socket was reported readable.
  void wake(bool peer_ended) {
    drained_ = false;
    peer_ended_ = peer_ended;
  }

  /// Seals data: output. False if the connection cannot go on.
  [[nodiscard]] bool seal(std::string_view data);
  /// Says that no more will be sent; output.
  void end();
  [[nodiscard]] std::string_view take_output() { return context_.take_output(); }

  [[nodiscard]] bool is_established() const;
  [[nodiscard]] bool is_resumed() const;
  // By ALPN:
  [[nodiscard]] bool is_http2() const;
  /// Of a certificate authority, which has seen what it wants when the handshake is through.
  [[nodiscard]] bool is_proof() const;
  /// The peer's first bytes are a request in plain HTTP.
  [[nodiscard]] bool is_plain_http() const { return plain_http_; }

 private:
  struct Stream;  ///< what OpenSSL calls instead of a socket
  TlsSession(TlsContext& context, ByteSource& source) : context_(context), source_(source) {}
  void begin();
  [[nodiscard]] std::string_view protocol() const;
  [[nodiscard]] Read outcome(int result);

  TlsContext& context_;
  ssl_st* ssl_ = nullptr;
  ByteSource& source_;
  bool begun_ = false;       ///< a byte was read
  bool plain_http_ = false;
  bool drained_ = false;
  bool peer_ended_ = false;
  bool dead_ = false;        ///< OpenSSL must not be called again but to free it
};

}  // namespace berth::router
