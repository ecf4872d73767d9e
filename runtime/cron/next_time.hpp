// SPDX-License-Identifier: Apache-2.0
//
// A schedule in a time zone: when it is due next. Where clocks change, a job that names its hours
// is due once for each time that it names: one that the clock skips at the moment of the change,
// one that comes twice the first time. A job of every hour is due by what the clock shows. Pure.
#pragma once

#include "base/clock.hpp"
#include "base/time_zone.hpp"
#include "platform/cron_schedule.hpp"

namespace berth::runtime {

/// The first time that is due after `after`.
[[nodiscard]] Time next_time(const platform::CronSchedule& schedule, const TimeZone& zone,
                             Time after);

}  // namespace berth::runtime
