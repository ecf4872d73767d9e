// SPDX-License-Identifier: Apache-2.0
//
// What coroutines of one strand need of each other. Wakeup lets one sleep until something is worth
// looking at, or a deadline; a notice that comes while nobody waits is kept: the next wait returns
// at once. TaskGroup owns background coroutines until they have ended.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace berth {

class Wakeup final {
 public:
  explicit Wakeup(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void notify();
  /// True if there was a notice, false if the time is up. One waiter at a time.
  boost::asio::awaitable<bool> wait(std::chrono::milliseconds time);
  boost::asio::awaitable<void> wait();

 private:
  boost::asio::steady_timer timer_;
  bool notified_ = false;
};

/// Background coroutines of one owner. Nothing is detached: the owner joins before it goes.
class TaskGroup final {
 public:
  explicit TaskGroup(boost::asio::any_io_executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// An exception of the task is logged.
  void spawn(boost::asio::awaitable<void> task);
  /// Until every task has ended.
  boost::asio::awaitable<void> join();
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Lets everything else that is ready on the strand run first.
boost::asio::awaitable<void> yield_to_others();

}  // namespace berth
