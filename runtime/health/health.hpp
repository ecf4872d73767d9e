// SPDX-License-Identifier: Apache-2.0
//
// What the answers of one replica's health checks mean, as a pure state: which check is to be tried
// now, whether the replica may get traffic, and whether it has to go. Startup checks come first;
// the others begin when all of them have passed. server/health_watch tries them.
//
// Until a check has passed once, it is tried again soon and each `wait` counts as one attempt, so
// that a start is noticed when it happens and still has the time that app.json gives it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "platform/health_check.hpp"

namespace berth::runtime {

struct HealthAnswer {
  bool passed = false;
  std::string what;  ///< "answered 503", "nobody accepts connections"; for people
};

class Health final {
 public:
  /// What a check has come to.
  struct Check {
    platform::HealthCheck rule;
    bool trying = false;   ///< told to try, no answer yet
    bool passed = false;   ///< at least once; for readiness: and not failed since
    bool failed = false;   ///< its attempts are used up
    int failures = 0;      ///< in a row, as far as they count
    Time next{};           ///< the next try
    Time counted{};        ///< the last failure that counted
    Time answered_at{};
    std::string last;      ///< the last answer
  };
  /// Something that people should read.
  struct Notice {
    std::string text;
    bool bad = true;
  };

  Health() = default;
  /// `started`: of the replica. `limit` bounds the time to the first pass of readiness checks.
  Health(const std::vector<platform::HealthCheck>& rules, Time started, Duration limit);

  /// A replica that served before we came: what it passed is believed until a check says otherwise.
  void believe();

  /// The checks to try at `now`, marked as being tried. Only once the replica listens.
  [[nodiscard]] std::vector<std::size_t> due(Time now);
  /// When due() has something next; epoch: only after an answer.
  [[nodiscard]] Time next() const;
  [[nodiscard]] std::vector<Notice> answer(std::size_t check, const HealthAnswer& answer, Time now);

  /// Startup and readiness checks have passed: it may get traffic.
  [[nodiscard]] bool ready() const;
  /// It passed all of them at one time: no start any more.
  [[nodiscard]] bool settled() const { return settled_; }
  /// Why it has to go: "failed its startup check …"; empty while it may stay.
  [[nodiscard]] const std::string& verdict() const { return verdict_; }
  [[nodiscard]] const std::vector<Check>& checks() const { return checks_; }

 private:
  using Type = platform::HealthCheck::Type;
  [[nodiscard]] bool started_up() const;
  void pass(Check& check, Time now, std::vector<Notice>& notices);
  void fail(Check& check, Time now, std::vector<Notice>& notices);
  void give_up(Check& check, std::vector<Notice>& notices);
  [[nodiscard]] static bool eager(const Check& check);

  std::vector<Check> checks_;
  Time started_{};
  Time deadline_{};  ///< of readiness checks that have not passed yet
  bool settled_ = false;
  std::string verdict_;
};

}  // namespace berth::runtime
