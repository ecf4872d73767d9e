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
#include "router/tls/session.hpp"

namespace berth::router {

class Connection : public EventHandler, public Timed, public Hook<LazyTag> {
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

  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

  /// Starts to wait for events; false if the kernel refuses.
  [[nodiscard]] bool ensure_registered();
  [[nodiscard]] const TlsSession* tls() const { return tls_.get(); }

 protected:
  static constexpr int read_budget = 16;

  enum class Read : std::uint8_t { data, blocked, end, failed };
  /// Fills `size`. Clears readable_ when the socket is drained.
  [[nodiscard]] Read read(char* to, std::size_t capacity, std::size_t& size);
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
  [[nodiscard]] ssize_t read_some(char* to, std::size_t capacity);
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
  std::uint64_t bytes_written_ = 0;
};

}  // namespace berth::router
