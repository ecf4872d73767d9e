// SPDX-License-Identifier: Apache-2.0
#include "runtime/cron/decide_cron.hpp"

#include <algorithm>

#include "runtime/cron/next_time.hpp"

namespace berth::runtime {

using platform::CronJob;
using What = CronDecision::What;

namespace {

/// Nobody reads how many more were missed.
constexpr int most_counted = 1000;

struct Due {
  Time last{};
  int count = 0;
  Time next{};
};

Due due_times(const CronState& state, Time now) {
  Due due;
  due.next = next_time(state.schedule, state.zone, state.decided_until);
  while (due.next <= now) {
    due.last = due.next;
    // Of a long absence only the last times matter, and a schedule has one in an hour or few.
    const bool hurry = ++due.count == most_counted;
    due.next = next_time(state.schedule, state.zone,
                         hurry ? std::max(due.last, now - 1h) : due.last);
  }
  return due;
}

std::string missed(int count) {
  const std::string times = count == 1             ? "this time"
                            : count < most_counted ? std::to_string(count) + " times"
                                                   : "a thousand times or more";
  return "the platform was not running at " + times + ", or its clock was changed";
}

}  // namespace

CronDecision decide_cron(const CronState& given, const CronPolicy& policy, Time now) {
  CronState state = given;
  // The clock was far ahead once; the job does not wait until it is there again.
  if (state.decided_until > now + policy.clock_back) state.decided_until = now;
  const Due due = due_times(state, now);
  CronDecision decision{.decided_until = state.decided_until, .next = due.next};
  if (due.count == 0) return decision;
  const auto decide = [&](What what, std::string why = {}) {
    decision.what = what;
    decision.why = std::move(why);
    if (what == What::end_running) return decision;
    decision.decided_until = due.last;
    decision.scheduled_at = due.last;
    return decision;
  };
  if (state.suspended) return decide(What::wait);
  const bool replaces = state.job.concurrency == CronJob::Concurrency::replace;
  const Duration late = policy.on_time + (replaces ? policy.stop_grace : 0s);
  if (now - due.last > late && state.job.missed == CronJob::Missed::skip)
    return decide(What::skip, missed(due.count));
  if (state.running == 0) return decide(What::start);
  if (replaces) return decide(What::end_running);
  if (state.job.concurrency == CronJob::Concurrency::forbid)
    return decide(What::skip, "the run before it had not ended");
  if (state.running < policy.most_overlapping) return decide(What::start);
  return decide(What::skip, std::to_string(state.running) + " runs before it had not ended");
}

}  // namespace berth::runtime
