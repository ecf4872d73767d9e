// SPDX-License-Identifier: Apache-2.0
//
// One thread's loop: events by epoll or io_uring, deadlines, and the memory that its connections
// share. Edge-triggered: who is told that it can read goes on until it is blocked. Nothing here is
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/loop/buffer.hpp"
#include "router/loop/intrusive_list.hpp"
#include "router/loop/timer_wheel.hpp"

namespace berth::router {

class Connection;
class RingLoop;

class EventHandler {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

/// Something with a deadline in the loop's wheel.
class Timed : public TimerEntry {
 public:
  virtual void on_deadline() = 0;

 protected:
  ~Timed() = default;
};

/// Where every read of the thread goes. A rewritten head may be larger than the one that it
/// replaces: it is laid in front of the body bytes, into the headroom if need be.
struct Scratch {
  /// What the kernel keeps sent bytes in (an order-3 page), so that a send fills it whole: 1 GiB
  /// through costs a quarter more by 64 KiB, and half more by 16.
  static constexpr std::size_t read_size = 32 * 1024;
  char headroom[4096];
  char data[80 * 1024];  ///< a kept partial head, then one read; what frames of gRPC say as text
  char head[20 * 1024];  ///< a rewritten response head
};

struct LazyTag;

class EventLoop final {
 public:
  /// With io_uring it may be made on one thread and run on another.
  [[nodiscard]] static Result<std::unique_ptr<EventLoop>> create(bool by_io_uring);
  ~EventLoop();

  /// Waits for events, at most until `wake_us` (0: do not wait), and handles them.
  void run_once(std::int64_t wake_us);
  /// After everything was closed: until the kernel uses nothing of it any more.
  void finish();

  /// False if the kernel refuses (out of memory or of watches).
  [[nodiscard]] bool add(int fd, std::uint32_t events, EventHandler& handler);
  void remove(int fd);

  /// Monotonic; read afresh for each event that asks for it.
  [[nodiscard]] std::int64_t now_us() {
    if (clock_is_stale_) read_clock();
    return now_us_;
  }
  /// The same as it was not longer than a turn ago, for what needs no better.
  [[nodiscard]] std::int64_t recent_us() const { return now_us_; }
  [[nodiscard]] std::int64_t unix_us() { return now_us() + unix_offset_us_; }

  /// Something happens within so short a time that it is awaited without falling asleep.
  void stay_awake(std::int64_t for_us) { awake_until_us_ = now_us() + for_us; }
  /// It has happened.
  void may_sleep() { awake_until_us_ = 0; }
  /// How many were told of events in this turn.
  [[nodiscard]] std::size_t turn_size() const { return turn_size_; }
  /// Calls connection.resume() in the next turn: for fairness among busy connections.
  void resume_later(Connection& connection);
  /// Registers the connection if it still waits unregistered some 20 ms from now. Most short
  /// connections are gone by then and save the system call.
  void register_later(Connection& connection);
  /// Deletes it once the events of this turn are handled.
  void bury(Connection& connection);

  /// Null: by epoll.
  [[nodiscard]] RingLoop* ring() { return ring_.get(); }
  [[nodiscard]] BufferPool& buffers() { return buffers_; }
  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] Scratch& scratch() { return *scratch_; }

 private:
  friend class RingLoop;
  EventLoop();
  void read_clock();
  void wait_by_epoll(std::int64_t timeout_us);
  void run_lazy();
  void run_ready();
  void free_buried();

  Fd epoll_;
  std::unique_ptr<RingLoop> ring_;
  std::int64_t now_us_ = 0;
  std::int64_t unix_offset_us_ = 0;
  std::int64_t offset_read_us_ = 0;
  bool clock_is_stale_ = false;
  std::int64_t awake_until_us_ = 0;
  std::size_t turn_size_ = 0;
  std::int64_t lazy_due_us_ = INT64_MAX;
  BufferPool buffers_;
  TimerWheel timers_;
  std::unique_ptr<Scratch> scratch_;
  std::vector<Connection*> ready_;
  std::vector<Connection*> buried_;
  List<Connection, LazyTag> lazy_;
};

}  // namespace berth::router
