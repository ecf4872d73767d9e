// SPDX-License-Identifier: Apache-2.0
//
// The attacks on HTTP/2 that are known by name, as frames that a client sends.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/router/http2_peer.hpp"

namespace berth::router::test {

/// What the attacker sends in each round, of which the first is 0.
using AttackFrames = std::function<std::string(Http2Peer& peer, int round)>;

struct Http2Attack {
  std::string name;
  AttackFrames frames;
  std::string settings = {};  ///< of the attacker, a SETTINGS payload
  /// Some of its frames are an error of the connection by the protocol, which ends it at once.
  bool may_be_an_error = false;
};

[[nodiscard]] const std::vector<Http2Attack>& http2_attacks();

inline constexpr int enhance_your_calm = 11;

/// Attacks with up to 1,000 rounds; the error of the GOAWAY that ended it, -1 without.
[[nodiscard]] int outcome(Http2Peer& peer, const AttackFrames& frames);
/// The same with all that these rounds have in one piece.
[[nodiscard]] int outcome_at_once(Http2Peer& peer, const AttackFrames& frames);

[[nodiscard]] inline std::int32_t stream_of(int round) { return 2 * round + 1; }

}  // namespace berth::router::test
