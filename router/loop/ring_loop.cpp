// SPDX-License-Identifier: Apache-2.0
#include "router/loop/ring_loop.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "router/loop/connection.hpp"
#include "router/loop/event_loop.hpp"

namespace berth::router {

/// A socket that is no connection: a listener, or what wakes the thread.
struct RingLoop::Watched {
  int fd;
  std::uint32_t events;
  EventHandler* handler;  ///< null: removed
  bool waits = false;
  std::uint32_t happened = 0;
};

Result<std::unique_ptr<RingLoop>> RingLoop::create(EventLoop& loop) {
  BERTH_ASSIGN(auto ring, Ring::create());
  return std::unique_ptr<RingLoop>(new RingLoop(loop, std::move(ring)));
}

RingLoop::RingLoop(EventLoop& loop, std::unique_ptr<Ring> ring)
    : loop_(loop), ring_(std::move(ring)), outgoing_(new char[outgoing_size]) {}

RingLoop::~RingLoop() = default;

std::uint64_t RingLoop::number(const void* owner, Kind kind) {
  return reinterpret_cast<std::uintptr_t>(owner) | kind;
}

void RingLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  watched_.push_back(std::make_unique<Watched>(Watched{fd, events, &handler}));
}

void RingLoop::remove(int fd) {
  for (const auto& watched : watched_) {
    if (watched->fd != fd || !watched->handler) continue;
    watched->handler = nullptr;
    // Now: a listener that is closed next must not take in connections until the turn ends.
    if (watched->waits) ring_->cancel_now(number(watched.get(), Kind::watched));
  }
}

// ---- A turn -------------------------------------------------------------------------------------

void RingLoop::turn(std::int64_t timeout_us) {
  if (!std::exchange(started_, true)) ring_->start();
  begin();
  ring_->enter(timeout_us,
               [this](std::uint64_t number, std::int32_t result, std::uint32_t flags) {
                 note(number, result, flags);
               });
  // Who was not heard of has sent all.
  for (Connection* connection : sent_) connection->by_ring_.queued = 0;
  sent_.clear();
  outgoing_used_ = 0;
  tell();
}

void RingLoop::begin() {
  for (const std::uint64_t cancelled : to_cancel_) ring_->cancel(cancelled);
  to_cancel_.clear();
  sent_.swap(to_send_);
  for (Connection* connection : sent_) {
    ByRing& state = connection->by_ring_;
    state.to_send = false;
    if (!connection->is_open()) continue;
    const int fd = connection->socket_.get();
    if (state.queued) {
      ring_->send_now(fd, {outgoing_.get() + state.queued_at, state.queued},
                      number(connection, Kind::output));
    } else if (connection->unsent_.size() != 0) {
      state.sending = true;
      ring_->send(fd, connection->unsent_.view(), number(connection, Kind::output));
    }
  }
  for (Connection* connection : to_wait_) {
    connection->by_ring_.to_wait = false;
    if (connection->is_open() && connection->by_ring_.input == ByRing::Input::none)
      begin_input(*connection);
  }
  to_wait_.clear();
  for (const auto& watched : watched_) {
    if (watched->waits || !watched->handler) continue;
    watched->waits = true;
    ring_->poll_once(watched->fd, watched->events, number(watched.get(), Kind::watched));
  }
}

void RingLoop::begin_input(Connection& connection) {
  ByRing& state = connection.by_ring_;
  const int fd = connection.socket_.get();
  const std::uint64_t input = number(&connection, Kind::input);
  if (state.wait == Wait::connection) {
    state.input = ByRing::Input::poll;
    ring_->poll_once(fd, EPOLLOUT, input);
  } else if (state.wait == Wait::readiness || state.end != ByRing::End::none ||
             connection.readable_ || ring_->is_short()) {
    state.input = ByRing::Input::poll;
    ring_->poll(fd, EPOLLIN | EPOLLRDHUP, input);
  } else {
    state.input = ByRing::Input::receive;
    ring_->receive(fd, input);
  }
}

void RingLoop::note(std::uint64_t number, std::int32_t result, std::uint32_t flags) {
  const auto owner = static_cast<std::uintptr_t>(number & ~std::uint64_t{3});
  switch (number & 3) {
    case Kind::input: note_input(*reinterpret_cast<Connection*>(owner), result, flags); break;
    case Kind::output: note_output(*reinterpret_cast<Connection*>(owner), result); break;
    default: {
      auto& watched = *reinterpret_cast<Watched*>(owner);
      watched.waits = false;
      watched.happened = result >= 0 ? static_cast<std::uint32_t>(result) : EPOLLERR;
    }
  }
}

void RingLoop::note_input(Connection& connection, std::int32_t result, std::uint32_t flags) {
  ByRing& state = connection.by_ring_;
  const bool receives = state.input == ByRing::Input::receive;
  if (!(flags & IORING_CQE_F_MORE)) {
    state.input = ByRing::Input::none;
    state.cancelling = false;
  }
  if (flags & IORING_CQE_F_BUFFER)
    ring_->append(state.received, flags, result > 0 ? static_cast<std::size_t>(result) : 0);
  if (!connection.is_open()) {
    ring_->drop(state.received);
    return;
  }
  if (result == -ECANCELED) {
    happen(connection, 0);
  } else if (!receives) {
    happen(connection, result >= 0 ? static_cast<std::uint32_t>(result) : EPOLLERR);
  } else if (result > 0) {
    happen(connection, EPOLLIN);
  } else if (result == -ENOBUFS) {
    happen(connection, EPOLLIN);  // for a read by a call
  } else if (result == 0 && !state.reset) {
    state.end = ByRing::End::ended;
    happen(connection, EPOLLIN | EPOLLRDHUP);
  } else {
    state.end = ByRing::End::failed;
    happen(connection, EPOLLIN | EPOLLRDHUP | EPOLLERR);
  }
}

void RingLoop::note_output(Connection& connection, std::int32_t result) {
  ByRing& state = connection.by_ring_;
  if (!state.sending) {
    if (!connection.is_open()) return;
    const std::size_t queued = std::exchange(state.queued, 0);
    if (result < 0 && result != -EAGAIN) {
      connection.bytes_written_ -= queued;
      fail(connection, -result);
    } else {
      const std::size_t sent = result < 0 ? 0 : static_cast<std::size_t>(result);
      connection.bytes_written_ -= queued - sent;
      keep_rest(connection, queued, sent);
    }
    return;
  }
  state.sending = false;
  Buffer& unsent = connection.unsent_;
  if (!connection.is_open()) {
    unsent.reset();
  } else if (result < 0) {
    fail(connection, -result);
  } else {
    connection.bytes_written_ += static_cast<std::size_t>(result);
    unsent.consume(static_cast<std::size_t>(result));
    if (unsent.size() != 0) {
      send(connection);
    } else {
      happen(connection, EPOLLOUT);
    }
  }
}

/// The socket took only so much of what was queued.
void RingLoop::keep_rest(Connection& connection, std::size_t queued, std::size_t sent) {
  const char* const data = outgoing_.get() + connection.by_ring_.queued_at;
  connection.writable_ = false;
  connection.unsent_ = loop_.buffers().take(BufferPool::large);
  connection.unsent_.append({data + sent, queued - sent});
  send(connection);
}

/// The connection counts as blocked until its owner asks, and hears that it failed.
void RingLoop::fail(Connection& connection, int error) {
  ByRing& state = connection.by_ring_;
  state.failed = true;
  state.reset = error == ECONNRESET;
  if (!connection.unsent_) connection.unsent_ = loop_.buffers().take(1);
  happen(connection, EPOLLOUT | EPOLLERR);
}

void RingLoop::happen(Connection& connection, std::uint32_t events) {
  ByRing& state = connection.by_ring_;
  state.events |= events;
  if (std::exchange(state.happened, true)) return;
  happened_.push_back(&connection);
}

void RingLoop::tell() {
  loop_.read_clock();
  loop_.turn_size_ = happened_.size();
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = *watched_[i];
    const std::uint32_t events = std::exchange(watched.happened, 0);
    if (!events || !watched.handler) continue;
    watched.handler->on_events(events);
    loop_.clock_is_stale_ = true;
  }
  std::erase_if(watched_, [](const auto& each) { return !each->handler && !each->waits; });
  for (Connection* connection : happened_) {
    connection->by_ring_.happened = false;
    const std::uint32_t events = std::exchange(connection->by_ring_.events, 0);
    if (!connection->is_open()) continue;
    if (events) {
      connection->on_events(events);
      loop_.clock_is_stale_ = true;
    }
    after(*connection);
  }
  happened_.clear();
}

void RingLoop::after(Connection& connection) {
  ByRing& state = connection.by_ring_;
  if (!connection.is_open()) return;
  // Who does not take what has come is given no more of it.
  if (state.has_received()) {
    state.wait = Wait::readiness;
    if (state.input == ByRing::Input::receive) cancel_input(connection);
  }
  if (state.input == ByRing::Input::none) wait(connection, state.wait);
}

void RingLoop::cancel_input(Connection& connection) {
  if (std::exchange(connection.by_ring_.cancelling, true)) return;
  to_cancel_.push_back(number(&connection, Kind::input));
}

// ---- From connections ---------------------------------------------------------------------------

void RingLoop::wait(Connection& connection, Wait wait) {
  connection.by_ring_.wait = wait;
  if (std::exchange(connection.by_ring_.to_wait, true)) return;
  to_wait_.push_back(&connection);
}

void RingLoop::wait_for_bytes(Connection& connection) {
  ByRing& state = connection.by_ring_;
  state.wait = Wait::bytes;
  if (state.input == ByRing::Input::poll && !ring_->is_short()) cancel_input(connection);
}

ssize_t RingLoop::read(Connection& connection, char* to, std::size_t capacity) {
  ByRing& state = connection.by_ring_;
  if (state.has_received()) {
    const std::size_t taken = ring_->take(state.received, to, capacity);
    if (taken == capacity || state.reads()) return static_cast<ssize_t>(taken);
    // The rest waits in the kernel. A short read must mean that nothing does.
    const ssize_t more = connection.read_some(to + taken, capacity - taken);
    if (more < 0 && errno != EAGAIN && errno != EWOULDBLOCK) state.end = ByRing::End::failed;
    return static_cast<ssize_t>(taken) + std::max<ssize_t>(more, 0);
  }
  if (state.end == ByRing::End::ended) return 0;
  errno = state.end == ByRing::End::failed ? ECONNRESET : EAGAIN;
  return -1;
}

bool RingLoop::queue(Connection& connection, std::string_view data) {
  ByRing& state = connection.by_ring_;
  if (connection.unsent_ || !connection.writable_ || state.queued + data.size() > most_queued ||
      data.size() > outgoing_size - outgoing_used_)
    return false;
  if (state.queued && state.queued_at + state.queued != outgoing_used_) return false;
  if (!state.queued) state.queued_at = static_cast<std::uint32_t>(outgoing_used_);
  std::memcpy(outgoing_.get() + outgoing_used_, data.data(), data.size());
  outgoing_used_ += data.size();
  state.queued += static_cast<std::uint32_t>(data.size());
  connection.bytes_written_ += data.size();
  send(connection);
  return true;
}

void RingLoop::push(Connection& connection) {
  const std::size_t queued = std::exchange(connection.by_ring_.queued, 0);
  connection.bytes_written_ -= queued;
  const ssize_t count =
      connection.write_some(outgoing_.get() + connection.by_ring_.queued_at, queued);
  // An error is left for the next send.
  if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return;
  const std::size_t sent = count < 0 ? 0 : static_cast<std::size_t>(count);
  if (sent == queued) return;
  keep_rest(connection, queued, sent);
}

void RingLoop::send(Connection& connection) {
  ByRing& state = connection.by_ring_;
  if (state.sending || std::exchange(state.to_send, true)) return;
  to_send_.push_back(&connection);
}

void RingLoop::forget(Connection& connection) {
  ByRing& state = connection.by_ring_;
  state.queued = 0;
  ring_->drop(state.received);
  if (state.input != ByRing::Input::none) cancel_input(connection);
  if (state.sending) to_cancel_.push_back(number(&connection, Kind::output));
}

}  // namespace berth::router
