// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <doctest/doctest.h>

namespace berth {
namespace {

TEST_CASE("a time is written as the Platform API and the log lines have it, and read back") {
  const Time time{Duration(1'795'410'938'916'007)};
  CHECK(rfc3339(time) == "2026-11-23T05:15:38Z");
  CHECK(rfc3339_micros(time) == "2026-11-23T05:15:38.916007+00:00");
  CHECK(*parse_rfc3339(rfc3339_micros(time)) == time);
  CHECK(*parse_rfc3339("2026-11-23T05:15:38Z") == std::chrono::floor<std::chrono::seconds>(time));
  CHECK(rfc3339(Time{}) == "1970-01-01T00:00:00Z");
}

TEST_CASE("fractions of any length are read to the microsecond") {
  const Time whole = *parse_rfc3339("2026-11-23T05:15:38Z");
  CHECK(*parse_rfc3339("2026-11-23T05:15:38.5Z") == whole + 500ms);
  CHECK(*parse_rfc3339("2026-11-23T05:15:38.123456789Z") == whole + 123'456us);
}

TEST_CASE("a time before 1970 is written with its fraction counted forwards") {
  const Time time = Time{} - 1us;
  CHECK(rfc3339_micros(time) == "1969-12-31T23:59:59.999999+00:00");
  CHECK(rfc3339(time) == "1969-12-31T23:59:59Z");
}

TEST_CASE("leap days are days, and what is no date is refused") {
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
  for (const auto* bad :
       {"", "now", "2026-11-23", "2026-11-23T05:15:38", "2026-11-23T05:15:38+01:00",
        "2026-11-23 05:15:38Z", "2026-11-23T05:15:38Zx", "2026-11-23T05:15:38.Z",
        "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z", "2023-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T05:60:00Z",
        "2026-11-23T05:15:61Z", "+026-11-23T05:15:38Z", "2026-1-2T3:4:5Z"})
    CHECK_MESSAGE(parse_rfc3339(bad).has_error(), std::string(bad));
}

}  // namespace
}  // namespace berth
