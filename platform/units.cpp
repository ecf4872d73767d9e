// SPDX-License-Identifier: Apache-2.0
#include "platform/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace berth::platform {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

Error refused(std::string_view text, std::string_view rule) {
  return {ErrorKind::invalid,
          "'" + std::string(text.substr(0, 40)) + "' is not " + std::string(rule)};
}

/// The digits at the front as a number, taken off `text`; nothing if there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// `12s` by the table of units; nothing if it is written otherwise or above `limit`.
template <std::size_t N>
std::optional<std::uint64_t> scaled(std::string_view text, const std::array<Unit, N>& units,
                                    std::uint64_t limit) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit = std::ranges::find(units, text, &Unit::name);
  if (unit == units.end() || *number > limit / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array units = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                       Unit{"h", 3'600'000}};
  constexpr std::uint64_t year = 366ULL * 24 * 3'600'000;
  if (const auto value = scaled(text, units, year)) return std::chrono::milliseconds(*value);
  return refused(text,
                 "a duration: write a whole number and a unit, such as 500ms, 30s, 15m or 2h");
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array units = {Unit{"", 1}, Unit{"KiB", 1ULL << 10},
                                       Unit{"MiB", 1ULL << 20}, Unit{"GiB", 1ULL << 30},
                                       Unit{"TiB", 1ULL << 40}};
  if (const auto value = scaled(text, units, INT64_MAX)) return *value;
  return refused(text, "a size: write a whole number of bytes, or one and a unit, such as 64KiB, "
                       "512MiB or 2GiB");
}

Result<std::uint64_t> parse_milli_cpu(std::string_view text) {
  constexpr std::uint64_t most_cores = 1024;
  std::string_view rest = text;
  if (const auto whole = take_number(rest)) {
    if (rest == "m" && *whole <= most_cores * 1000) return *whole;
    if (rest.empty() && *whole <= most_cores) return *whole * 1000;
    const std::string_view decimals = rest.substr(std::min<std::size_t>(1, rest.size()));
    if (rest.starts_with('.') && !decimals.empty() && decimals.size() <= 3 &&
        decimals.find_first_not_of("0123456789") == std::string_view::npos && *whole < most_cores) {
      std::uint64_t milli = 0;
      for (std::size_t i = 0; i < 3; ++i)
        milli =
            milli * 10 + (i < decimals.size() ? static_cast<std::uint64_t>(decimals[i] - '0') : 0);
      return *whole * 1000 + milli;
    }
  }
  return refused(text,
                 "a share of CPU: write cores, such as 2 or 0.5, or thousandths, such as 500m");
}

}  // namespace berth::platform
