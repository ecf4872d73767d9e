// SPDX-License-Identifier: Apache-2.0
//
// The keys that session tickets are sealed with, so that a client that comes back needs no full
// handshake, on whichever thread it lands. Immutable; part of a Snapshot, and replaced by rotation:
// the newest seals, the older ones still open. They are never written to a disk: a router that is
// replaced gives them to the next in memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>

#include "base/fd.hpp"

namespace berth::router {

struct TicketKeys {
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };
  /// A ticket is good until its key is gone: between two and three times this.
  static constexpr std::chrono::hours rotate_after{8};
  static constexpr std::size_t kept = 3;

  std::array<Key, kept> keys;  ///< the newest first
  std::size_t count = 0;

  TicketKeys() = default;
  TicketKeys(const TicketKeys&) = default;
  TicketKeys& operator=(const TicketKeys&) = default;
  ~TicketKeys();  ///< wipes them

  /// A new key before those of `last`, which may be null.
  [[nodiscard]] static std::shared_ptr<const TicketKeys> rotated(const TicketKeys* last);
  /// A file in memory that holds them, for another process; and what such a file holds, or null.
  [[nodiscard]] Fd to_memory_file() const;
  [[nodiscard]] static std::shared_ptr<const TicketKeys> from_file(const Fd& file);
};

}  // namespace berth::router
