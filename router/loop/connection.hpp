// SPDX-License-Identifier: Apache-2.0
//
// One non-blocking stream in an event loop, with at most one buffer of unsent bytes: who has some
// must not be given more (back-pressure). With a TLS session, bytes are sealed on their way
// to the socket and opened on their way from it; unsent bytes are sealed ones then.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fd.hpp"
#include "router/loop/event_loop.hpp"
#include "router/loop/ring_loop.hpp"
#include "router/tls/session.hpp"

namespace berth::router {

class Connection : public EventHandler,
                   public Timed,
                   public Hook<LazyTag>,
                   private ByteSource {
 public:
  Connection(EventLoop& loop, Fd socket) : loop_(loop), socket_(std::move(socket)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Goes on where back-pressure or fairness made it stop.
  virtual void resume() = 0;

  [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }
  /// Has unsent bytes.
  [[nodiscard]] bool is_blocked() const { return static_cast<bool>(unsent_); }

  enum class Sent : std::uint8_t { all, partly, failed };
  /// What the socket does not take now is kept. Bytes are added to kept ones only if they fit.
  [[nodiscard]] Sent send(std::string_view data);
  /// Sends kept bytes; `partly` if some are left.
  [[nodiscard]] Sent flush();

  /// Or are about to be: what then was not is taken off again.
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

  /// Starts to wait for events; false if the kernel refuses.
  [[nodiscard]] bool ensure_registered(Wait wait = Wait::bytes);
  [[nodiscard]] const TlsSession* tls() const { return tls_.get(); }

 protected:
  static constexpr int read_budget = 16;

  enum class Read : std::uint8_t { data, blocked, end, failed };
  /// Fills `size`. Clears readable_ when the socket is drained.
  [[nodiscard]] Read read(char* to, std::size_t capacity, std::size_t& size);
  /// What was sent goes to the kernel now and not with the turn's other bytes: for who closes next.
  void push() {
    if (by_ring_.queued) loop_.ring()->push(*this);
  }
  /// Sent, but not with the kernel yet.
  [[nodiscard]] std::size_t queued() const { return by_ring_.queued; }
  void drop_queued() {
    bytes_written_ -= by_ring_.queued;
    by_ring_.queued = 0;
  }
  /// Bytes or the end of the stream have arrived here.
  [[nodiscard]] bool has_arrived() const {
    return by_ring_.has_received() || by_ring_.end != ByRing::End::none;
  }
  /// It is idle, with nothing to read: whatever it waited for, it waits for bytes now.
  void wait_for_bytes() {
    if (loop_.ring()) loop_.ring()->wait_for_bytes(*this);
  }
  /// Takes the flags of an event over; the caller acts on them.
  void note(std::uint32_t events);
  /// Closes the socket; the object is deleted at the end of the turn.
  void bury();
  /// Tells the peer that nothing more is sent.
  void end_stream();
  /// Before a close in good order: with TLS, the peer knows by this that nothing was cut off.
  void say_end();
  /// Whether there is a byte before the end of the stream, which is known to have come.
  [[nodiscard]] bool has_input();
  /// From now on the stream is TLS; false if memory is short.
  [[nodiscard]] bool start_tls(TlsContext& context);
  /// The bytes to and from now on are not TLS.
  void drop_tls() { tls_.reset(); }

  EventLoop& loop_;

 private:
  friend class EventLoop;
  friend class RingLoop;
  [[nodiscard]] ssize_t read_some(char* to, std::size_t capacity) override;
  [[nodiscard]] Read read_tls(char* to, std::size_t capacity, std::size_t& size);
  [[nodiscard]] Sent send_bytes(std::string_view data);
  [[nodiscard]] ssize_t write_some(const char* from, std::size_t size);

 protected:
  Fd socket_;
  /// There may be something to read. A new connection is tried before it is registered.
  bool readable_ = true;
  bool writable_ = true;
  bool peer_ended_ = false;  ///< the peer sends no more (or is gone)
  bool broken_ = false;      ///< the connection is dead in both directions

 private:
  bool registered_ = false;
  bool in_ready_ = false;
  std::unique_ptr<TlsSession> tls_;  ///< null: plain
  Buffer unsent_;
  ByRing by_ring_;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace berth::router
