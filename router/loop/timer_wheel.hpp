// SPDX-License-Identifier: Apache-2.0
//
// Deadlines of connections, coarse (32 ms) and cheap: moving a deadline later is one store, since
// an entry that comes up early is put back. No allocation; entries are embedded in what they guard.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace berth::router {

namespace detail {

/// A place in a ring of entries.
struct TimerLink {
  TimerLink* next = nullptr;
  TimerLink* previous = nullptr;

  void unlink() {
    if (!next) return;
    previous->next = next;
    next->previous = previous;
    next = previous = nullptr;
  }
};

}  // namespace detail

/// Base of whatever has a deadline. Unlinks itself when it goes.
class TimerEntry : private detail::TimerLink {
 public:
  TimerEntry() = default;
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;

 protected:
  ~TimerEntry() { unlink(); }

 private:
  friend class TimerWheel;
  std::int64_t deadline_us_ = INT64_MAX;
  std::int64_t tick_ = 0;
};

class TimerWheel final {
 public:
  static constexpr std::int64_t tick_us = 32'768;

  explicit TimerWheel(std::int64_t now_us) : current_(now_us / tick_us) {
    for (Link& slot : slots_) slot.next = slot.previous = &slot;
  }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel() {
    for (Link& slot : slots_)
      while (slot.next != &slot) slot.next->unlink();
  }

  void set(TimerEntry& entry, std::int64_t deadline_us) {
    entry.deadline_us_ = deadline_us;
    if (entry.next && entry.tick_ <= tick_of(deadline_us)) return;
    link(entry);
  }
  void clear(TimerEntry& entry) { entry.deadline_us_ = INT64_MAX; }

  /// Calls `expired(entry)` for each whose deadline has passed; it may set or destroy any entry.
  template <class Expired>
  void advance(std::int64_t now_us, Expired&& expired) {
    const std::int64_t now_tick = now_us / tick_us;
    // After a long sleep each slot is visited once.
    if (now_tick - current_ > slot_count) current_ = now_tick - slot_count;
    while (current_ < now_tick) {
      ++current_;
      Link& slot = slots_[index(current_)];
      set_bit(current_, false);
      if (slot.next == &slot) continue;
      // Taken over whole, so that entries which are put back into this slot wait for its next turn.
      Link due = slot;
      due.next->previous = due.previous->next = &due;
      slot.next = slot.previous = &slot;
      while (due.next != &due) {
        TimerEntry& entry = static_cast<TimerEntry&>(*due.next);
        entry.unlink();
        if (entry.deadline_us_ == INT64_MAX) continue;
        if (entry.deadline_us_ > now_us) {
          link(entry);
        } else {
          entry.deadline_us_ = INT64_MAX;
          expired(entry);
        }
      }
    }
  }

  /// When advance() should be called next; INT64_MAX if nothing is set.
  [[nodiscard]] std::int64_t next_us() const {
    for (std::int64_t ahead = 1; ahead <= slot_count;) {
      const std::size_t at = index(current_ + ahead);
      const std::uint64_t word = bits_[at / 64] >> (at % 64);
      if (word) return (current_ + ahead + __builtin_ctzll(word)) * tick_us;
      ahead += static_cast<std::int64_t>(64 - at % 64);
    }
    return INT64_MAX;
  }

 private:
  using Link = detail::TimerLink;
  static constexpr std::int64_t slot_count = 2048;

  static std::size_t index(std::int64_t tick) {
    return static_cast<std::size_t>(tick) % static_cast<std::size_t>(slot_count);
  }
  /// The first tick that is not before the deadline.
  static std::int64_t tick_of(std::int64_t deadline_us) {
    return deadline_us == INT64_MAX ? INT64_MAX : (deadline_us + tick_us - 1) / tick_us;
  }
  void set_bit(std::int64_t tick, bool on) {
    const std::size_t at = index(tick);
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    if (on) {
      bits_[at / 64] |= bit;
    } else {
      bits_[at / 64] &= ~bit;
    }
  }
  void link(TimerEntry& entry) {
    entry.unlink();
    entry.tick_ = std::clamp(tick_of(entry.deadline_us_), current_ + 1, current_ + slot_count - 1);
    Link& slot = slots_[index(entry.tick_)];
    entry.previous = slot.previous;
    entry.next = &slot;
    slot.previous->next = &entry;
    slot.previous = &entry;
    set_bit(entry.tick_, true);
  }

  std::int64_t current_;
  std::array<Link, slot_count> slots_;
  std::array<std::uint64_t, slot_count / 64> bits_{};
};

}  // namespace berth::router
