// SPDX-License-Identifier: Apache-2.0
//
// One thread's io_uring: operations are collected, go to the kernel in one call, and their outcomes
// come back with it. Received bytes come in buffers that all connections share. What an operation
// is for is a number that its owner chose; nothing here knows of connections.
#pragma once

#include <liburing.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace berth::router {

class Ring final {
 public:
  /// Whether this host lets us have one and use it: tried.
  [[nodiscard]] static Result<void> check();
  [[nodiscard]] static Result<std::unique_ptr<Ring>> create();
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  /// From now on the ring is the calling thread's, and no other's.
  void start();

  /// Outcomes of operations with this number are not told.
  static constexpr std::uint64_t unheard = 3;

  // Operations: begun by the next enter(), in their order.
  void poll_once(int fd, std::uint32_t events, std::uint64_t number);
  void poll(int fd, std::uint32_t events, std::uint64_t number);
  /// Received bytes come in buffers, until an outcome without IORING_CQE_F_MORE.
  void receive(int fd, std::uint64_t number);
  /// Sends what the socket takes at once. An outcome comes only if that is not all: how many bytes
  /// it took, or an error. It comes before enter() returns.
  void send_now(int fd, std::string_view data, std::uint64_t number);
  /// Sends all of it, however long that takes.
  void send(int fd, std::string_view data, std::uint64_t number);
  void cancel(std::uint64_t number);
  /// Without waiting for the next enter(), which tells the outcome.
  void cancel_now(std::uint64_t number);

  /// Begins what was asked for, waits for an outcome (at most so long; 0: not at all; -1: for
  /// ever), and tells all there are: told(number, result, flags).
  template <class Told>
  void enter(std::int64_t timeout_us, Told&& told) {
    for (;;) {
      submit_and_wait(timeout_us);
      timeout_us = 0;
      unsigned head = 0;
      unsigned count = 0;
      io_uring_cqe* cqe = nullptr;
      io_uring_for_each_cqe(&ring_, head, cqe) {
        ++count;
        if (cqe->user_data != unheard) told(std::uint64_t{cqe->user_data}, cqe->res, cqe->flags);
      }
      io_uring_cq_advance(&ring_, count);
      if (io_uring_sq_ready(&ring_) == 0 && !io_uring_cq_has_overflow(&ring_)) return;
    }
  }

  /// Buffers of one connection, in the order of their bytes.
  struct Chain {
    std::uint16_t first = none;
    std::uint16_t last = none;
    [[nodiscard]] bool empty() const { return first == none; }
  };
  void append(Chain& chain, std::uint32_t flags, std::size_t size);
  /// Copies bytes out and gives back the buffers that this empties.
  [[nodiscard]] std::size_t take(Chain& chain, char* to, std::size_t capacity);
  void drop(Chain& chain);
  /// So few buffers are left that nothing should wait for bytes with them.
  [[nodiscard]] bool is_short() const { return free_ < buffer_count / 4; }

 private:
  static constexpr std::uint16_t none = UINT16_MAX;
  /// Enough for what comes in a turn, and few enough to stay in the CPU's caches.
  static constexpr unsigned buffer_count = 48;
  static constexpr std::size_t buffer_size = 16 * 1024;

  Ring() = default;
  [[nodiscard]] io_uring_sqe& next();
  void submit_and_wait(std::int64_t timeout_us);
  [[nodiscard]] char* bytes_of(std::uint16_t buffer) { return bytes_ + buffer * buffer_size; }
  void give_back(std::uint16_t buffer);

  io_uring ring_{};
  bool open_ = false;
  io_uring_buf_ring* buffers_ = nullptr;  ///< that the kernel may fill
  char* bytes_ = nullptr;
  unsigned free_ = 0;
  struct Filled {
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
    std::uint16_t next = none;
  };
  std::array<Filled, buffer_count> filled_;
};

}  // namespace berth::router
