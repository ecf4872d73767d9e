// SPDX-License-Identifier: Apache-2.0
#include "router/tls/session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "base/result.hpp"

namespace berth::router {

struct TlsSession::Stream {
  static int read(BIO* bio, char* to, int capacity) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (session.drained_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ssize_t count = session.source_.read_some(to, static_cast<std::size_t>(capacity));
    if (count < 0) {
      session.drained_ = errno == EAGAIN || errno == EWOULDBLOCK;
      if (session.drained_) BIO_set_retry_read(bio);
      return -1;
    }
    // As in Connection::read: a short read drains a stream socket unless its end is behind it.
    if (count < capacity && !session.peer_ended_) session.drained_ = true;
    if (!session.begun_ && count > 0) {
      session.begun_ = true;
      // A handshake begins with byte 22, and no request with it.
      session.plain_http_ = (to[0] >= 'A' && to[0] <= 'Z') || (to[0] >= 'a' && to[0] <= 'z');
      if (session.plain_http_) return -1;
    }
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* data, int size) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    return session.context_.append(data, static_cast<std::size_t>(size)) ? size : -1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* stream = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "berth");
      BERTH_ASSERT(stream && BIO_meth_set_read(stream, read) && BIO_meth_set_write(stream, write) &&
                   BIO_meth_set_ctrl(stream, control) && BIO_meth_set_create(stream, create));
      return stream;
    }();
    return made;
  }
};

std::unique_ptr<TlsSession> TlsSession::accept(TlsContext& context, ByteSource& source) {
  std::unique_ptr<TlsSession> session(new TlsSession(context, source));
  session->ssl_ = SSL_new(context.settings());
  BIO* bio = BIO_new(Stream::method());
  if (!session->ssl_ || !bio) {
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, session.get());
  SSL_set_bio(session->ssl_, bio, bio);
  SSL_set_accept_state(session->ssl_);
  return session;
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession::Read TlsSession::outcome(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Read::blocked;
    case SSL_ERROR_ZERO_RETURN: return Read::end;
    default: break;
  }
  ERR_clear_error();
  dead_ = true;
  return Read::failed;
}

/// The queue of errors and the output are the thread's: what another connection left is not ours.
void TlsSession::begin() {
  ERR_clear_error();
  static_cast<void>(context_.take_output());
}

TlsSession::Read TlsSession::read(char* to, std::size_t capacity, std::size_t& size) {
  begin();
  size = 0;
  if (dead_) return Read::failed;
  const int result = SSL_read_ex(ssl_, to, capacity, &size);
  return result == 1 ? Read::data : outcome(result);
}

bool TlsSession::has_input() {
  begin();
  char byte = 0;
  std::size_t size = 0;
  if (dead_) return false;
  const int result = SSL_peek_ex(ssl_, &byte, 1, &size);
  if (result != 1) static_cast<void>(outcome(result));
  return result == 1;
}

bool TlsSession::is_drained() const { return dead_ || (drained_ && SSL_has_pending(ssl_) == 0); }

bool TlsSession::seal(std::string_view data) {
  begin();
  if (data.empty()) return true;
  if (dead_) return false;
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_, data.data(), data.size(), &written);
  if (result == 1) return true;
  static_cast<void>(outcome(result));
  dead_ = true;
  return false;
}

void TlsSession::end() {
  begin();
  if (dead_ || !is_established()) return;
  if (SSL_shutdown(ssl_) < 0) ERR_clear_error();
}

bool TlsSession::is_established() const { return SSL_is_init_finished(ssl_) == 1; }
bool TlsSession::is_resumed() const { return SSL_session_reused(ssl_) == 1; }

std::string_view TlsSession::protocol() const {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  return {reinterpret_cast<const char*>(protocol), size};
}

bool TlsSession::is_http2() const { return protocol() == "h2"; }
bool TlsSession::is_proof() const { return protocol() == "acme-tls/1"; }

}  // namespace berth::router
