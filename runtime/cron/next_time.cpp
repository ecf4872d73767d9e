// SPDX-License-Identifier: Apache-2.0
#include "runtime/cron/next_time.hpp"

namespace berth::runtime {

namespace {

/// From one 29th of February to the next may be eight years.
constexpr int most_days = 366 * 9;

using Schedule = platform::CronSchedule;
using Seconds = cctz::time_point<cctz::seconds>;

bool on_day(const Schedule& schedule, cctz::civil_day day) {
  const int weekday = (static_cast<int>(cctz::get_weekday(day)) + 1) % 7;  // cctz: from Monday
  return schedule.on_day(day.month(), day.day(), weekday);
}

/// The moment at which a wall clock shows this, or would have.
Seconds moment_of(const TimeZone& zone, cctz::civil_minute at) {
  const auto found = zone.lookup(cctz::civil_second(at));
  return found.kind == TimeZone::civil_lookup::SKIPPED ? found.trans : found.pre;
}

/// For a schedule that names its hours: by the calendar.
Time by_calendar(const Schedule& schedule, const TimeZone& zone, Time after) {
  const cctz::civil_minute shown(cctz::convert(after, zone));
  cctz::civil_day day(shown);
  for (int i = 0; i < most_days; ++i, ++day) {
    if (!on_day(schedule, day)) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!schedule.hours[static_cast<std::size_t>(hour)]) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!schedule.minutes[static_cast<std::size_t>(minute)]) continue;
        const cctz::civil_minute at(day.year(), day.month(), day.day(), hour, minute);
        if (at < shown) continue;
        if (const Time moment = moment_of(zone, at); moment > after) return moment;
      }
    }
  }
  return Time::max();
}

/// For a schedule of every hour: minute by minute, as the clock goes.
Time by_clock(const Schedule& schedule, const TimeZone& zone, Time after) {
  Time at = std::chrono::floor<std::chrono::minutes>(after) + 1min;
  for (int days = 0; days < most_days;) {
    const cctz::civil_second shown = cctz::convert(std::chrono::floor<cctz::seconds>(at), zone);
    if (!on_day(schedule, cctz::civil_day(shown))) {
      const Time tomorrow = moment_of(zone, cctz::civil_minute(cctz::civil_day(shown) + 1));
      at = std::max(tomorrow, at + 1min);
      ++days;
    } else if (schedule.minutes[static_cast<std::size_t>(shown.minute())]) {
      return at;
    } else {
      at += 1min;
    }
  }
  return Time::max();
}

}  // namespace

Time next_time(const Schedule& schedule, const TimeZone& zone, Time after) {
  return schedule.every_hour() ? by_clock(schedule, zone, after)
                               : by_calendar(schedule, zone, after);
}

}  // namespace berth::runtime
