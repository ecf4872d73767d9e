// SPDX-License-Identifier: Apache-2.0
//
// When a domain's certificate is asked for (again). Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/clock.hpp"

namespace berth::server {

struct CertificateTerm {
  Time starts_at{};
  Time ends_at{};
};

struct RenewalState {
  std::optional<CertificateTerm> term;  ///< of the one in use
  int failures = 0;                     ///< in a row
  Time failed_at{};
  double jitter = 0;                    ///< of the domain, 0 to 1: not all at the same moment
};

/// With a certificate: when a third of its term is left, earlier by up to a tenth of the term.
/// After failures: ever later, from a minute to a day.
[[nodiscard]] inline Time next_attempt(const RenewalState& state) {
  Time due{};
  if (state.term) {
    const Duration term = state.term->ends_at - state.term->starts_at;
    const auto early = std::chrono::duration_cast<Duration>(term / 10 * state.jitter);
    due = state.term->ends_at - term / 3 - early;
  }
  if (state.failures == 0) return due;
  const double minutes = std::min(std::pow(2.0, std::min(state.failures - 1, 20)), 24.0 * 60);
  const std::chrono::duration<double, std::ratio<60>> pause(minutes * (0.75 + state.jitter / 2));
  return std::max(due, state.failed_at + std::chrono::duration_cast<Duration>(pause));
}

}  // namespace berth::server
