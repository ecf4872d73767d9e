// SPDX-License-Identifier: Apache-2.0
#include "platform/cron_schedule.hpp"

#include <doctest/doctest.h>

namespace berth::platform {
namespace {

CronSchedule good(std::string_view text) {
  const auto parsed = parse_cron_schedule(text);
  REQUIRE_MESSAGE(parsed.has_value(), text);
  return *parsed;
}

std::string bad(std::string_view text) {
  const auto parsed = parse_cron_schedule(text);
  REQUIRE_MESSAGE(parsed.has_error(), text);
  return parsed.error().message;
}

/// The values of a field, as a text.
template <std::size_t size>
std::string set(const std::bitset<size>& bits) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    if (bits[i]) text += (text.empty() ? "" : ",") + std::to_string(i);
  return text;
}

TEST_CASE("the five fields take values, names, ranges, steps and lists of them") {
  CHECK(set(good("5 4 3 2 1").minutes) == "5");
  CHECK(set(good("0,30 * * * *").minutes) == "0,30");
  CHECK(set(good("*/20 * * * *").minutes) == "0,20,40");
  CHECK(set(good("10-30/10,59 * * * *").minutes) == "10,20,30,59");
  CHECK(set(good("50/4 * * * *").minutes) == "50,54,58");
  CHECK(good("* * * * *").every_hour());
  CHECK(set(good("0 0 */10 * *").days) == "1,11,21,31");
  CHECK(set(good("0 0 1 jan,JUN-aug *").months) == "1,6,7,8");
  CHECK(set(good("0 0 * * mon-fri").weekdays) == "1,2,3,4,5");
  CHECK(set(good("0 0 * * 7").weekdays) == "0");
  CHECK(set(good("0 0 * * sat-sun").weekdays) == "0,6");
  CHECK(set(good("0 0 * * */2").weekdays) == "0,2,4,6");
  CHECK(good(" 0\t0  * * * ") == good("0 0 * * *"));
  CHECK(good("007 0 * * *") == good("7 0 * * *"));
}

TEST_CASE("nicknames stand for the fields that they mean") {
  CHECK(good("@hourly") == good("0 * * * *"));
  CHECK(good("@daily") == good("0 0 * * *"));
  CHECK(good("@midnight") == good("@daily"));
  CHECK(good("@weekly") == good("0 0 * * sun"));
  CHECK(good("@monthly") == good("0 0 1 * *"));
  CHECK(good("@annually") == good("@yearly"));
}

TEST_CASE("days of the month and of the week: either if both are given, else both") {
  const CronSchedule either = good("0 0 13 * fri");
  CHECK(either.on_day(2, 13, 2));
  CHECK(either.on_day(2, 14, 5));
  CHECK(!either.on_day(2, 14, 6));
  const CronSchedule both = good("0 0 */2 * fri");
  CHECK(both.on_day(2, 13, 5));
  CHECK(!both.on_day(2, 14, 5));
  CHECK(!both.on_day(2, 13, 4));
}

TEST_CASE("what no schedule can mean is refused with the field and what is allowed") {
  CHECK(bad("61 * * * *") ==
        "has '61' as its minute: allowed are 0 to 59, *, ranges (1-5), steps (*/2) and lists of "
        "them (1,5)");
  CHECK(bad("* 24 * * *").starts_with("has '24' as its hour: allowed are 0 to 23, *"));
  CHECK(bad("* * 0 * *").starts_with("has '0' as its day of the month: allowed are 1 to 31"));
  CHECK(bad("* * * foo *").starts_with("has 'foo' as its month: allowed are 1 to 12 or jan to "
                                       "dec"));
  CHECK(bad("* * * * mon,").starts_with("has 'mon,' as its day of the week: allowed are 0 to 7 or "
                                        "sun to sat"));
  for (const char* text : {"5-1 * * * *", "*/0 * * * *", "*/ * * * *", "*/99 * * * *", "-1 * * * *",
                           "1- * * * *", "+1 * * * *", "1.5 * * * *", ", * * * *", "** * * * *",
                           "99999999999999999999 * * * *", "0x1 * * * *"})
    CHECK_MESSAGE(bad(text).find("as its minute") != std::string::npos, text);
  CHECK(bad("* * * *").ends_with("and has 4"));
  CHECK(bad("* * * * * *").ends_with("and has 6"));
  CHECK(bad("").ends_with("and has 0"));
  CHECK(bad("@reboot").starts_with("must not be '@reboot': allowed are @hourly"));
  CHECK(bad("0 0 30 2 *") == "is never due: none of its months has the day '30'");
  CHECK(bad("0 0 31 4,6,9,11 *").starts_with("is never due"));
  CHECK(good("0 0 30 2 mon").on_day(2, 2, 1));
}

}  // namespace
}  // namespace berth::platform
