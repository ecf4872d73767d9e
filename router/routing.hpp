// SPDX-License-Identifier: Apache-2.0
//
// What happens to a request by the state of its app (the table of docs/decisions/0002), and when a
// failed attempt may be made again, and how many. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "router/errors.hpp"
#include "router/table.hpp"

namespace berth::router {

struct Decision {
  enum class Action : std::uint8_t { proxy, hold, fail };
  Action action = Action::proxy;
  ErrorCode error = ErrorCode::none;  ///< for fail; for hold: when the deadline passes
  bool wake = false;
  friend bool operator==(const Decision&, const Decision&) = default;
};

[[nodiscard]] constexpr Decision decide(AppState state, bool has_replica) {
  using enum Decision::Action;
  if (state == AppState::maintenance) return {fail, ErrorCode::H80, false};
  if (has_replica && state != AppState::empty) return {proxy, ErrorCode::none, false};
  switch (state) {
    case AppState::running: return {hold, ErrorCode::H14, false};
    case AppState::asleep: return {hold, ErrorCode::H20, true};
    case AppState::stopped: return {fail, ErrorCode::H14, false};
    case AppState::crashed: return {fail, ErrorCode::H10, false};
    case AppState::empty: return {fail, ErrorCode::H81, false};
    case AppState::maintenance: break;
  }
  return {fail, ErrorCode::H99, false};
}

struct Attempt {
  int number = 1;                ///< of attempts made, this one counted
  bool connected = false;        ///< the replica accepted the connection
  bool reused = false;           ///< the connection had served a request before
  bool nothing_received = false; ///< not one byte of the request got to the replica
  bool response_begun = false;   ///< a byte of an answer was read
  bool replayable = false;       ///< all that was sent is still at hand
  bool idempotent = false;
};
inline constexpr int max_attempts = 3;

/// Only where the app cannot have acted on the request, or acting twice does no harm: the replica
/// did not accept the connection, or it had closed a kept connection as we took it.
[[nodiscard]] constexpr bool may_retry(const Attempt& attempt) {
  if (attempt.number >= max_attempts || attempt.response_begun || !attempt.replayable) return false;
  if (!attempt.connected) return true;
  return attempt.nothing_received || (attempt.reused && attempt.idempotent);
}

/// Bounds how much second attempts add to an app's load while its replicas fail: a fifth of its
/// requests, and ten a second. Of one thread.
class RetryBudget final {
 public:
  void requested() { left_ = std::min(left_ + 0.2, most); }
  [[nodiscard]] bool take(std::int64_t now_us) {
    const double since = static_cast<double>(now_us - at_us_) / 1e6;
    at_us_ = now_us;
    if (left_ < reserve) left_ = std::min(left_ + since * 10, reserve);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  static constexpr double reserve = 100;
  static constexpr double most = 1000;
  double left_ = reserve;
  std::int64_t at_us_ = 0;
};

}  // namespace berth::router
