// SPDX-License-Identifier: Apache-2.0
//
// Durations, sizes and CPU shares as people write them in berth.yaml: "30s", "512MiB", "0.5". Pure;
// the messages say what may be written instead.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace berth::platform {

/// A whole number and ms, s, m or h; at most a year.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A whole number of bytes, or one and KiB, MiB, GiB or TiB; at most 2^63 - 1.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

/// Cores, "2" or "0.5" with at most three decimals, or thousandths of one,
/// "500m"; at most 1024 cores.
[[nodiscard]] Result<std::uint64_t> parse_milli_cpu(std::string_view text);

}  // namespace berth::platform
