// SPDX-License-Identifier: Apache-2.0
#include "router/upstream.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "router/exchange.hpp"
#include "router/handles.hpp"

namespace berth::router {

Result<Upstream*> Upstream::connect(EventLoop& loop, ReplicaHandle& replica, Exchange& exchange,
                                    bool by_http2) {
  const auto* address = reinterpret_cast<const sockaddr*>(&replica.address);
  Fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Replicas are near: what the host may prefer for the world outside (BBR paces by timers) costs
  // more here. Every kernel has this one and lets everybody use it.
  constexpr std::string_view near = "reno";
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, near.data(), near.size());
  if (::connect(socket.get(), address, replica.address_size) != 0 && errno != EINPROGRESS)
    return system_error("connect");
  std::unique_ptr<Upstream> upstream(new Upstream(loop, std::move(socket), replica, exchange));
  if (by_http2) {
    upstream->http2_ = Http2Origin::create();
    if (!upstream->http2_) {
      errno = ENOMEM;
      return system_error("start HTTP/2");
    }
  }
  if (!upstream->ensure_registered(Wait::connection)) return system_error("epoll_ctl");
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
    // Idle: the replica closed it, or talks unasked, which only HTTP/2 has words for.
    if (http2_ && !peer_ended_) {
      read_by_http2();
    } else if (events & ~static_cast<std::uint32_t>(EPOLLOUT)) {
      close();
    }
    return;
  }
  if (is_blocked() && writable_) {
    if (flush() == Sent::failed || (http2_ && !send_frames())) {
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
  wait_for_bytes();
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
  if (http2_) {
    read_by_http2();
    return;
  }
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
  (http2_ ? replica_->idle_http2 : replica_->idle).push_front(*this);
  ++replica_->idle_count;
  loop_.timers().set(*this, close_at_us);
  wait_for_bytes();
}

void Upstream::close() {
  if (Hook<IdleTag>::is_linked()) {
    Hook<IdleTag>::unlink();
    --replica_->idle_count;
  }
  exchange_ = nullptr;
  stash_.reset();
  // A request of which nothing has left goes elsewhere.
  if (has_sent_nothing()) drop_queued();
  bury();
}

void Upstream::stash(std::string_view data) {
  stash_ = loop_.buffers().take(data.size());
  stash_.append(data);
}

void Upstream::end_sending() {
  push();
  if (is_blocked()) {
    end_after_flush_ = true;
  } else {
    end_stream();
  }
}

bool Upstream::is_stale() const {
  if (has_arrived()) return true;
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

// ---- HTTP/2 -------------------------------------------------------------------------------------

Connection::Sent Upstream::send_by_http2(std::string_view data) {
  if (!http2_->send(data) || !send_frames()) return Sent::failed;
  return is_blocked() ? Sent::partly : Sent::all;
}

bool Upstream::send_frames() {
  constexpr std::size_t at_once = 32 * 1024;
  std::string frames;
  while (!Connection::is_blocked()) {
    frames.clear();
    if (!http2_->take_frames(frames, at_once)) return false;
    if (frames.empty()) return true;
    if (Connection::send(frames) == Sent::failed) return false;
  }
  return true;
}

void Upstream::read_by_http2() {
  // What one read says as text fits into where it was read to.
  constexpr std::size_t at_once = 32 * 1024;
  char* const input = loop_.scratch().data;
  for (int budget = read_budget;; --budget) {
    if (!is_open() || connecting_ || !readable_) return;
    if (exchange_ && !exchange_->takes_response()) return;
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    const std::size_t most = exchange_ ? std::min(exchange_->appetite(), at_once) : at_once;
    std::size_t size = 0;
    const Read result = read(input, most, size);
    if (result == Read::blocked) return;
    if (result == Read::data) {
      take_frames({input, size});
    } else if (exchange_) {
      exchange_->on_upstream_ended(result == Read::failed);
      return;
    } else {
      close();
    }
  }
}

void Upstream::take_frames(std::string_view data) {
  std::string answer;
  const bool was_blocked = http2_->is_blocked();
  const bool valid = http2_->receive(data, answer) && send_frames() && !http2_->is_over();
  if (exchange_ && !answer.empty()) {
    char* const text = loop_.scratch().data;
    BERTH_ASSERT(answer.size() <= sizeof loop_.scratch().data);
    std::memcpy(text, answer.data(), answer.size());
    exchange_->on_response_bytes(text, answer.size());
  }
  if (!is_open()) return;
  if (!exchange_) {
    if (!valid || !http2_->is_reusable()) close();
  } else if (http2_->was_reset()) {
    exchange_->on_upstream_ended(true);
  } else if (!valid) {
    exchange_->on_response_invalid("the app does not speak HTTP/2, which gRPC needs");
  } else if (was_blocked && !is_blocked()) {
    exchange_->on_upstream_flushed();
  }
}

}  // namespace berth::router
