// SPDX-License-Identifier: Apache-2.0
//
// Cron schedules: what parses is due some day, at a time that fits it, and later again.
#include "runtime/cron/next_time.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace berth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto schedule = platform::parse_cron_schedule(text);
  if (schedule.has_error()) return 0;
  const Time from{std::chrono::seconds(1'764'000'000)};
  const Time first = runtime::next_time(*schedule, cctz::utc_time_zone(), from);
  const auto shown = cctz::convert(first, cctz::utc_time_zone());
  BERTH_ASSERT(first > from && schedule->minutes[static_cast<std::size_t>(shown.minute())] &&
               schedule->hours[static_cast<std::size_t>(shown.hour())]);
  BERTH_ASSERT(runtime::next_time(*schedule, cctz::utc_time_zone(), first) > first);
  return 0;
}
