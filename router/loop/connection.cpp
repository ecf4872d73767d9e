// SPDX-License-Identifier: Apache-2.0
#include "router/loop/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace berth::router {

// By number: recv() and send() of the C library are points of cancellation, which a process with
// threads pays for at each of them.

ssize_t Connection::read_some(char* to, std::size_t capacity) {
  if (by_ring_.reads()) return loop_.ring()->read(*this, to, capacity);
  for (;;) {
    const ssize_t count =
        ::syscall(SYS_recvfrom, socket_.get(), to, capacity, 0, nullptr, nullptr);
    if (count >= 0 || errno != EINTR) return count;
  }
}

ssize_t Connection::write_some(const char* from, std::size_t size) {
  for (;;) {
    const ssize_t count =
        ::syscall(SYS_sendto, socket_.get(), from, size, MSG_NOSIGNAL, nullptr, 0);
    if (count > 0) bytes_written_ += static_cast<std::uint64_t>(count);
    if (count >= 0 || errno != EINTR) return count;
  }
}

void Connection::end_stream() {
  say_end();
  push();
  ::shutdown(socket_.get(), SHUT_WR);
}

void Connection::say_end() {
  if (!tls_ || broken_) return;
  tls_->end();
  static_cast<void>(send_bytes(tls_->take_output()));
}

bool Connection::has_input() {
  if (tls_) {
    const bool found = tls_->has_input();
    static_cast<void>(send_bytes(tls_->take_output()));
    return found;
  }
  if (by_ring_.has_received()) return true;
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Connection::start_tls(TlsContext& context) {
  tls_ = TlsSession::accept(context, *this);
  return tls_ != nullptr;
}

Connection::Read Connection::read_tls(char* to, std::size_t capacity, std::size_t& size) {
  const TlsSession::Read result = tls_->read(to, capacity, size);
  readable_ = !tls_->is_drained();
  const bool sent = send_bytes(tls_->take_output()) != Sent::failed;
  switch (result) {
    case TlsSession::Read::data: return sent ? Read::data : Read::failed;
    case TlsSession::Read::blocked:
      readable_ = false;
      return sent ? Read::blocked : Read::failed;
    case TlsSession::Read::end:
      readable_ = false;
      peer_ended_ = true;
      return Read::end;
    case TlsSession::Read::failed: break;
  }
  readable_ = false;
  return Read::failed;
}

Connection::Read Connection::read(char* to, std::size_t capacity, std::size_t& size) {
  if (tls_) return read_tls(to, capacity, size);
  const ssize_t count = read_some(to, capacity);
  if (count > 0) {
    size = static_cast<std::size_t>(count);
    // A short read drains a stream socket (epoll(7)), so the next edge tells; but behind the last
    // bytes of a peer that has ended there is still the end to read.
    if (size < capacity && !peer_ended_) readable_ = false;
    return Read::data;
  }
  size = 0;
  readable_ = false;
  if (count == 0) {
    peer_ended_ = true;
    return Read::end;
  }
  return errno == EAGAIN || errno == EWOULDBLOCK ? Read::blocked : Read::failed;
}

Connection::Sent Connection::send(std::string_view data) {
  if (!tls_) return send_bytes(data);
  return tls_->seal(data) ? send_bytes(tls_->take_output()) : Sent::failed;
}

Connection::Sent Connection::send_bytes(std::string_view data) {
  if (data.empty()) return unsent_ ? Sent::partly : Sent::all;
  if (loop_.ring()) {
    if (loop_.ring()->queue(*this, data)) return Sent::all;
    push();
  }
  std::size_t sent = 0;
  if (!unsent_ && writable_) {
    const ssize_t count = write_some(data.data(), data.size());
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return Sent::failed;
    sent = count < 0 ? 0 : static_cast<std::size_t>(count);
    if (sent == data.size()) return Sent::all;
    writable_ = false;
  }
  const std::string_view rest = data.substr(sent);
  if (!unsent_) {
    if (!ensure_registered()) return Sent::failed;
    unsent_ = loop_.buffers().take(BufferPool::large);
  }
  if (rest.size() > unsent_.room()) return Sent::failed;
  unsent_.append(rest);
  if (loop_.ring()) loop_.ring()->send(*this);
  return Sent::partly;
}

Connection::Sent Connection::flush() {
  if (loop_.ring()) {
    if (by_ring_.failed) return Sent::failed;
    if (unsent_.size() != 0) return Sent::partly;
    unsent_.reset();
    return Sent::all;
  }
  while (unsent_) {
    const ssize_t count = write_some(unsent_.data(), unsent_.size());
    if (count < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) return Sent::failed;
      writable_ = false;
      return Sent::partly;
    }
    unsent_.consume(static_cast<std::size_t>(count));
    if (unsent_.size() == 0) unsent_.reset();
  }
  return Sent::all;
}

bool Connection::ensure_registered(Wait wait) {
  if (registered_) return true;
  Hook<LazyTag>::unlink();
  if (loop_.ring()) {
    registered_ = true;
    loop_.ring()->wait(*this, wait);
    return true;
  }
  registered_ = loop_.add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  return registered_;
}

void Connection::note(std::uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & EPOLLOUT) writable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) peer_ended_ = true;
  if (events & (EPOLLHUP | EPOLLERR)) broken_ = true;
  if (tls_) tls_->wake(peer_ended_);
}

void Connection::bury() {
  if (!is_open()) return;
  push();
  if (is_blocked()) {
    // What is left is never read whole: by a reset the kernel drops its part, which a peer that
    // reads nothing would make it keep for minutes.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  if (loop_.ring()) loop_.ring()->forget(*this);
  if (!by_ring_.sending) unsent_.reset();
  socket_.reset();
  Hook<LazyTag>::unlink();
  loop_.timers().clear(*this);
  loop_.bury(*this);
}

}  // namespace berth::router
