// SPDX-License-Identifier: Apache-2.0
#include "server/renewal.hpp"

#include <doctest/doctest.h>

namespace berth::server {
namespace {

const Time start = Time{} + 1000 * 24h;
const CertificateTerm ninety_days{.starts_at = start, .ends_at = start + 90 * 24h};

TEST_CASE("a domain without a certificate is asked for at once") {
  CHECK(next_attempt({}) <= start);
}

TEST_CASE("a certificate is renewed when a third of its term is left, spread over a tenth") {
  CHECK(next_attempt({.term = ninety_days}) == start + 60 * 24h);
  CHECK(next_attempt({.term = ninety_days, .jitter = 0.5}) ==
        start + 60 * 24h - std::chrono::duration_cast<Duration>(4.5 * 24h));
  const CertificateTerm six_days{.starts_at = start, .ends_at = start + 6 * 24h};
  CHECK(next_attempt({.term = six_days}) == start + 4 * 24h);
}

TEST_CASE("failures are tried again ever later, a day apart at most") {
  const auto pause = [](int failures, double jitter) {
    return next_attempt({.failures = failures, .failed_at = start, .jitter = jitter}) - start;
  };
  CHECK(pause(1, 0.5) == 1min);
  CHECK(pause(2, 0.5) == 2min);
  CHECK(pause(5, 0.5) == 16min);
  CHECK(pause(1, 0) == 45s);
  CHECK(pause(1, 1) == 75s);
  CHECK(pause(1000, 0.5) == 24h);
  // A renewal that fails is not tried before it was due.
  CHECK(next_attempt({.term = ninety_days, .failures = 1, .failed_at = start}) ==
        start + 60 * 24h);
  CHECK(next_attempt({.term = ninety_days,
                      .failures = 3,
                      .failed_at = start + 70 * 24h,
                      .jitter = 0.5}) == start + 70 * 24h + 4min);
}

}  // namespace
}  // namespace berth::server
