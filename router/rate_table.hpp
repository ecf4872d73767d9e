// SPDX-License-Identifier: Apache-2.0
//
// How many requests each client of an app made lately, on all threads together: a leaky bucket a
// client (GCRA), in a table of a fixed size, without a lock. Where more clients come than it has
// places for, those whose buckets are the emptiest are forgotten, in their favour. Pure but for its
// memory; times are of the machine's monotonic clock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/keyed_hash.hpp"

namespace berth::router {

class RateTable final {
 public:
  struct Limit {
    std::int64_t interval_ns = 0;  ///< from one request to the next, in the long run
    std::int64_t burst = 1;        ///< that may come at once
    [[nodiscard]] static constexpr Limit of(std::uint32_t requests, std::uint32_t per_s,
                                            std::uint32_t burst) {
      return {per_s * std::int64_t{1'000'000'000} / requests, burst};
    }
  };

  /// Counts a request of this client. 0 if it may pass, else after how many nanoseconds one would.
  [[nodiscard]] std::int64_t take(std::uint64_t client, const Limit& limit, std::int64_t now_ns) {
    Place& place = place_of(client, now_ns);
    const std::int64_t room_ns = limit.interval_ns * limit.burst;
    std::int64_t empty_at = place.empty_at_ns.load(std::memory_order_relaxed);
    for (;;) {
      // Of a limit before this one it may be far away: that was another bucket.
      const std::int64_t then =
          std::clamp(empty_at, now_ns, now_ns + room_ns) + limit.interval_ns;
      if (then - now_ns > room_ns) return then - now_ns - room_ns;
      if (place.empty_at_ns.compare_exchange_weak(empty_at, then, std::memory_order_relaxed))
        return 0;
    }
  }

  /// One that was counted should not have been.
  void give_back(std::uint64_t client, const Limit& limit, std::int64_t now_ns) {
    place_of(client, now_ns).empty_at_ns.fetch_sub(limit.interval_ns, std::memory_order_relaxed);
  }
  /// Who is who: of an address what one subscriber has of it (64 bits of IPv6), of anything else
  /// its bytes. Keyed, so that nobody can choose to share a place with another.
  [[nodiscard]] std::uint64_t key_of_address(std::string_view address) const;
  [[nodiscard]] std::uint64_t key_of(std::string_view value) const { return hash_.of(value); }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t sets = 1024;
  struct Place {
    std::atomic<std::uint64_t> client{0};
    std::atomic<std::int64_t> empty_at_ns{0};  ///< when its bucket will have run out
  };
  using Set = std::array<Place, ways>;

  /// Two threads that want the same place at once both count in it; that is all that can happen.
  Place& place_of(std::uint64_t client, std::int64_t now_ns) {
    Set& set = (*sets_)[client % sets];
    Place* emptiest = set.data();
    std::int64_t earliest = INT64_MAX;
    for (Place& place : set) {
      if (place.client.load(std::memory_order_relaxed) == client) return place;
      const std::int64_t empty_at = place.empty_at_ns.load(std::memory_order_relaxed);
      if (empty_at < earliest) {
        earliest = empty_at;
        emptiest = &place;
      }
    }
    emptiest->client.store(client, std::memory_order_relaxed);
    emptiest->empty_at_ns.store(now_ns, std::memory_order_relaxed);
    return *emptiest;
  }

  KeyedHash hash_;
  std::unique_ptr<std::array<Set, sets>> sets_ = std::make_unique<std::array<Set, sets>>();
};

}  // namespace berth::router
