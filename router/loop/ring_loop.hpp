// SPDX-License-Identifier: Apache-2.0
//
// What an EventLoop does by io_uring in place of epoll. Bytes of connections arrive without a call
// for each, and what is sent in a turn goes out with one: it is copied, and the kernel has all of
// it when the next turn begins, unless the peer is slow; then the rest waits as it does with
// epoll. Nothing is asked of the kernel before the end of the turn, so a socket that is closed in
// the turn is named by no operation that has yet to begin.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/loop/ring.hpp"

namespace berth::router {

class Connection;
class EventHandler;
class EventLoop;

/// What a connection waits for.
enum class Wait : std::uint8_t {
  bytes,
  readiness,   ///< who reads with calls of its own, or not just now
  connection,  ///< of a socket that connects
};

/// What a RingLoop keeps for a connection.
struct ByRing {
  enum class Input : std::uint8_t { none, poll, receive };
  enum class End : std::uint8_t { none, ended, failed };

  /// The next read is not a call.
  [[nodiscard]] bool reads() const {
    return input == Input::receive || end != End::none || has_received();
  }
  [[nodiscard]] bool has_received() const { return !received.empty(); }
  /// The kernel or a list names the connection.
  [[nodiscard]] bool is_busy() const {
    return input != Input::none || sending || to_send || to_wait;
  }

  Ring::Chain received;
  std::uint32_t events = 0;  ///< to be told
  std::uint32_t queued_at = 0;
  std::uint32_t queued = 0;  ///< bytes that go out at the end of the turn
  Wait wait = Wait::bytes;
  Input input = Input::none;  ///< the operation under way
  End end = End::none;        ///< behind what was received
  bool cancelling = false;  ///< `input`
  bool sending = false;     ///< what is unsent
  bool failed = false;      ///< to send
  bool reset = false;       ///< and sending heard of it
  bool happened = false;    ///< these three: it is in the list of that name
  bool to_send = false;
  bool to_wait = false;
};

class RingLoop final {
 public:
  [[nodiscard]] static Result<std::unique_ptr<RingLoop>> create(EventLoop& loop);
  ~RingLoop();

  // As EventLoop has them:
  void add(int fd, std::uint32_t events, EventHandler& handler);
  void remove(int fd);
  /// Sends what was queued, waits and handles what happened.
  void turn(std::int64_t timeout_us);

  // From connections:
  void wait(Connection& connection, Wait wait);
  void wait_for_bytes(Connection& connection);
  /// As recv(2), of what has arrived.
  [[nodiscard]] ssize_t read(Connection& connection, char* to, std::size_t capacity);
  /// Takes data for the end of the turn; false if it should be sent by a call: there is much of it.
  [[nodiscard]] bool queue(Connection& connection, std::string_view data);
  /// Sends what was queued by a call.
  void push(Connection& connection);
  /// Sends its unsent bytes, however long that takes; on_events() says when they are out.
  void send(Connection& connection);
  /// It is closed: ends what is under way.
  void forget(Connection& connection);

 private:
  struct Watched;
  enum Kind : std::uint64_t { input = 0, output = 1, watched = 2 };
  static constexpr std::size_t outgoing_size = 128 * 1024;
  /// More is cheaper to send by a call than to copy.
  static constexpr std::size_t most_queued = 4096;

  RingLoop(EventLoop& loop, std::unique_ptr<Ring> ring);
  static std::uint64_t number(const void* owner, Kind kind);
  void begin();
  void begin_input(Connection& connection);
  void note(std::uint64_t number, std::int32_t result, std::uint32_t flags);
  void note_input(Connection& connection, std::int32_t result, std::uint32_t flags);
  void note_output(Connection& connection, std::int32_t result);
  void keep_rest(Connection& connection, std::size_t queued, std::size_t sent);
  void fail(Connection& connection, int error);
  void happen(Connection& connection, std::uint32_t events);
  void tell();
  void after(Connection& connection);
  void cancel_input(Connection& connection);

  EventLoop& loop_;
  std::unique_ptr<Ring> ring_;
  bool started_ = false;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::uint64_t> to_cancel_;
  std::vector<Connection*> to_send_;
  std::vector<Connection*> sent_;  ///< in this turn
  std::vector<Connection*> to_wait_;
  std::vector<Connection*> happened_;
  std::unique_ptr<char[]> outgoing_;  ///< what is queued
  std::size_t outgoing_used_ = 0;
};

}  // namespace berth::router
