// SPDX-License-Identifier: Apache-2.0
//
// Requests that wait for a replica: while an app wakes from zero or a release switches. First in,
// first out, and bounded over all threads by a count that they share. It only keeps order and
// number; deadlines are the requests' own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace berth::router {

template <class Item>
class HeldQueue final {
 public:
  static constexpr std::uint32_t limit = 1000;

  /// `count` is that of the app, shared with the queues of the other threads.
  explicit HeldQueue(std::atomic<std::uint32_t>& count) : count_(count) {}

  /// False if as many wait already as may.
  [[nodiscard]] bool push(Item item) {
    if (count_.fetch_add(1, std::memory_order_relaxed) >= limit) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    waiting_.push_back(item);
    return true;
  }

  /// All that wait, the oldest first; the queue is empty after it.
  [[nodiscard]] std::vector<Item> take_all() {
    count_.fetch_sub(static_cast<std::uint32_t>(waiting_.size()), std::memory_order_relaxed);
    return std::exchange(waiting_, {});
  }

  /// Forgets one whose client went away or whose deadline passed; false if it did not wait here.
  bool remove(Item item) {
    const auto found = std::find(waiting_.begin(), waiting_.end(), item);
    if (found == waiting_.end()) return false;
    waiting_.erase(found);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  std::atomic<std::uint32_t>& count_;
  std::vector<Item> waiting_;
};

}  // namespace berth::router
