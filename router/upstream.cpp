// SPDX-License-Identifier: Apache-2.0
#include "router/upstream.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "router/exchange.hpp"
#include "router/handles.hpp"

namespace berth::router {

Result<Upstream*> Upstream::connect(EventLoop& loop, ReplicaHandle& replica, Exchange& exchange) {
  const auto* address = reinterpret_cast<const sockaddr*>(&replica.address);
  Fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), address, replica.address_size) != 0 && errno != EINPROGRESS)
    return system_error("connect");
  std::unique_ptr<Upstream> upstream(new Upstream(loop, std::move(socket), replica, exchange));
  if (!upstream->ensure_registered()) return system_error("epoll_ctl");
  return upstream.release();
}

void Upstream::on_events(std::uint32_t events) {
  if (!is_open()) return;
  if (connecting_) {
    // A socket that is not connected yet reports EPOLLHUP alone while the kernel makes up its mind.
    if (events & (EPOLLOUT | EPOLLERR)) on_connect_event();
    return;
  }
  note(events);
  if (!exchange_) {
    // Idle: the replica closed it, or talks unasked.
    if (events & ~static_cast<std::uint32_t>(EPOLLOUT)) close();
    return;
  }
  if (is_blocked() && writable_) {
    if (flush() == Sent::failed) {
      read_last_words();
      return;
    }
    if (!is_blocked()) after_flush();
  }
  if (is_open()) resume();
}

void Upstream::on_connect_event() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  connecting_ = false;
  if (error != 0) {
    exchange_->on_connect_failed(error == ETIMEDOUT ? ErrorCode::H19 : ErrorCode::H21);
    return;
  }
  writable_ = true;
  exchange_->on_connected();
}

void Upstream::after_flush() {
  if (end_after_flush_) end_stream();
  end_after_flush_ = false;
  if (exchange_) exchange_->on_upstream_flushed();
}

void Upstream::on_deadline() {
  if (!exchange_) close();
}

void Upstream::resume() {
  Scratch& scratch = loop_.scratch();
  for (int budget = read_budget;; --budget) {
    if (!is_open() || !exchange_ || connecting_ || !readable_ || !exchange_->takes_response())
      return;
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    const std::size_t kept = stash_.size();
    if (kept) std::memcpy(scratch.data, stash_.data(), kept);
    std::size_t size = 0;
    switch (read(scratch.data + kept, exchange_->appetite(), size)) {
      case Read::data:
        stash_.reset();
        exchange_->on_response_bytes(scratch.data, kept + size);
        break;
      case Read::blocked: return;
      case Read::end: exchange_->on_upstream_ended(false); return;
      case Read::failed: exchange_->on_upstream_ended(true); return;
    }
  }
}

void Upstream::assign(Exchange& exchange) {
  Hook<IdleTag>::unlink();
  --replica_->idle_count;
  loop_.timers().clear(*this);
  exchange_ = &exchange;
  sent_before_ = bytes_written();
}

void Upstream::park(std::int64_t close_at_us) {
  exchange_ = nullptr;
  replica_->idle.push_front(*this);
  ++replica_->idle_count;
  loop_.timers().set(*this, close_at_us);
}

void Upstream::close() {
  if (Hook<IdleTag>::is_linked()) {
    Hook<IdleTag>::unlink();
    --replica_->idle_count;
  }
  exchange_ = nullptr;
  stash_.reset();
  bury();
}

void Upstream::stash(std::string_view data) {
  stash_ = loop_.buffers().take(data.size());
  stash_.append(data);
}

void Upstream::end_sending() {
  if (is_blocked()) {
    end_after_flush_ = true;
  } else {
    end_stream();
  }
}

bool Upstream::is_stale() const {
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

bool Upstream::request_was_not_received() const {
  tcp_info tcp{};
  socklen_t size = sizeof tcp;
  if (::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &tcp, &size) != 0) return false;
  if (size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof tcp.tcpi_bytes_acked) return false;
  // The SYN counts as one byte.
  return tcp.tcpi_bytes_acked <= sent_before_ + 1;
}

void Upstream::read_last_words() {
  readable_ = true;
  peer_ended_ = true;
  resume();
}

}  // namespace berth::router
