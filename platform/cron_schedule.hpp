// SPDX-License-Identifier: Apache-2.0
//
// When a cron job is due, as crontab(5) writes it: five fields, or @daily and the like. Only the
// calendar; runtime/cron knows time zones. Pure.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::platform {

struct CronSchedule {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;    ///< of the month, from 1
  std::bitset<13> months;  ///< from 1
  std::bitset<7> weekdays;  ///< from Sunday
  /// A day of the month and a day of the week were both given: either will do.
  bool either_day = false;

  [[nodiscard]] bool every_hour() const { return hours.all(); }
  /// `weekday` from Sunday, 0.
  [[nodiscard]] bool on_day(int month, int day, int weekday) const;
  friend bool operator==(const CronSchedule&, const CronSchedule&) = default;
};

/// The message goes on after the name of the field: "has '61' as its minute: …".
[[nodiscard]] Result<CronSchedule> parse_cron_schedule(std::string_view text);

}  // namespace berth::platform
