// SPDX-License-Identifier: Apache-2.0
//
// Where a replica runs, as a pure function: of the nodes that have the labels which it asks for,
// one with room for the size that it declares. What runs seldom uses what it declares, so a node
// takes more than it has, by a factor that is in `capacity` already. The shell that counts what is
// declared is server/controller_placement; tests/sim/placement_* drives it with faults.
//
// Of the nodes with room, the one with the fewest replicas of the same process type is taken, so
// that a lost node takes few of them along; of those, the fullest, so that large ones find room
// elsewhere. Where room is short, what ranks lower has to give way.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"

namespace berth::runtime {

struct Resources {
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_milli = 0;
  Resources& operator+=(const Resources& other) {
    memory_bytes += other.memory_bytes;
    cpu_milli += other.cpu_milli;
    return *this;
  }
  friend bool operator==(const Resources&, const Resources&) = default;
};

/// Who gives way to whom, lowest first.
enum class Rank {
  preview,
  added,     ///< by load, above the least that its app asks for
  ordinary,
};
inline constexpr std::size_t ranks = 3;

using Labels = std::map<std::string, std::string>;

struct Node {
  std::string name;
  Labels labels;
  Resources capacity;  ///< of declared sizes; 0 of something: any amount of it
  std::array<Resources, ranks> taken{};  ///< declared by what is there, by rank
  int same = 0;    ///< replicas there of the process type that is placed
  bool up = true;  ///< it answers

  [[nodiscard]] Resources taken_from(Rank least) const;
  /// More is declared than it takes.
  [[nodiscard]] bool is_overfull() const;
};

struct PlaceRequest {
  Labels labels;
  Resources needs;
  Rank rank = Rank::ordinary;
  std::string only;  ///< the node that has its volume; empty: any
};

struct Placed {
  std::size_t node = 0;        ///< index
  std::optional<Rank> yields;  ///< what is there of this rank and below has to go for it
  friend bool operator==(const Placed&, const Placed&) = default;
};

/// Which node takes the replica. Errors: not_found if none has its labels, unavailable if those
/// that do are not reachable, limit if they are full; the message says what there is, for people.
[[nodiscard]] Result<Placed> place(const PlaceRequest& request, std::span<const Node> nodes);

/// "region=eu trust=low"
[[nodiscard]] std::string labels_text(const Labels& labels);

}  // namespace berth::runtime
