// SPDX-License-Identifier: Apache-2.0
#include "base/shown_certificate.hpp"

#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/fd.hpp"
#include "base/http_client.hpp"
#include "base/openssl.hpp"

namespace berth {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Error unavailable(std::string message) { return {ErrorKind::unavailable, std::move(message)}; }

Result<Addresses> addresses_of(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // Without a name: the loopback.
  const int failure = ::getaddrinfo(is_localhost(host) ? nullptr : host.c_str(),
                                    std::to_string(port).c_str(), &wanted, &found);
  if (failure != 0) return unavailable(std::string("resolve: ") + ::gai_strerror(failure));
  return Addresses(found, ::freeaddrinfo);
}

Result<Fd> connect_to(const addrinfo& address, std::chrono::milliseconds deadline) {
  Fd socket(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, 0));
  const timeval time{.tv_sec = deadline.count() / 1000,
                     .tv_usec = deadline.count() % 1000 * 1000};
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0 ||
      ::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0)
    return unavailable(std::string("connect: ") +
                       (errno == EINPROGRESS ? "no answer" : std::strerror(errno)));
  return socket;
}

}  // namespace

Result<std::string> shown_certificate(const std::string& host, int port,
                                      const std::string& protocol,
                                      std::chrono::milliseconds deadline) {
  BERTH_ASSIGN(const Addresses addresses, addresses_of(host, port));
  Result<Fd> socket = unavailable("resolve: no address");
  for (const addrinfo* one = addresses.get(); one && socket.has_error(); one = one->ai_next)
    socket = connect_to(*one, deadline);
  BERTH_TRY(socket);
  const openssl::Owned<SSL_CTX, SSL_CTX_free> settings(SSL_CTX_new(TLS_client_method()));
  const openssl::Owned<SSL, SSL_free> stream(SSL_new(settings.get()));
  const std::string offer = static_cast<char>(protocol.size()) + protocol;
  ERR_clear_error();
  if (!stream || SSL_set_fd(stream.get(), socket->get()) != 1 ||
      SSL_set_tlsext_host_name(stream.get(), host.c_str()) != 1 ||
      SSL_set_alpn_protos(stream.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                          static_cast<unsigned>(offer.size())) != 0)
    return Error{ErrorKind::internal, "start TLS: " + openssl::last_reason()};
  if (SSL_connect(stream.get()) != 1)
    return unavailable("TLS handshake: " + (ERR_peek_last_error() ? openssl::last_reason()
                                                                  : "the connection ended"));
  const openssl::X509Certificate shown(SSL_get1_peer_certificate(stream.get()));
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!shown || PEM_write_bio_X509(bio.get(), shown.get()) != 1)
    return unavailable("no certificate was shown");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(std::max(size, 0L)));
}

}  // namespace berth
