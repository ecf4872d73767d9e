// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a cron job now. Each time that its schedule names is decided once: it is run,
// left out with a reason, or left out silently while the job is suspended. The caller keeps
// `decided_until` with the run in one step, before it starts anything: whatever happens then, no
// time is run twice. Pure.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/time_zone.hpp"
#include "platform/cron_job.hpp"

namespace berth::runtime {

struct CronPolicy {
  Duration on_time = 60s;  ///< a time that passed longer ago was missed
  Duration stop_grace = 30s;  ///< what a run that is replaced may take to end
  Duration clock_back = 3h;  ///< a clock set back further than this was wrong before
  std::size_t most_overlapping = 10;
};

struct CronState {
  const platform::CronJob& job;
  const platform::CronSchedule& schedule;
  const TimeZone& zone;
  bool suspended = false;
  Time decided_until{};
  std::size_t running = 0;  ///< of its runs
};

struct CronDecision {
  enum class What {
    wait,
    start,
    skip,         ///< with a reason, in the history
    end_running,  ///< and ask again when they have ended
  };
  What what = What::wait;
  std::string why = {};    ///< a time is skipped
  Time scheduled_at{};     ///< of what starts or is skipped
  Time decided_until{};
  Time next{};  ///< when to ask again, if nothing changes
  friend bool operator==(const CronDecision&, const CronDecision&) = default;
};

[[nodiscard]] CronDecision decide_cron(const CronState& state, const CronPolicy& policy, Time now);

}  // namespace berth::runtime
