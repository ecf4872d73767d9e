// SPDX-License-Identifier: Apache-2.0
//
// Time as values. Pure cores take a Time; only shells read the clock.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth {

using namespace std::chrono_literals;
using Duration = std::chrono::microseconds;
/// Wall-clock time since the Unix epoch, in microseconds.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

[[nodiscard]] Time now();
/// "2026-11-23T05:15:38Z" (seconds), as the Platform API writes timestamps.
[[nodiscard]] std::string rfc3339(Time time);
/// "2026-11-23T05:15:38.916000+00:00", as log lines carry it.
[[nodiscard]] std::string rfc3339_micros(Time time);
[[nodiscard]] Result<Time> parse_rfc3339(std::string_view text);

}  // namespace berth
