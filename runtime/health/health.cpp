// SPDX-License-Identifier: Apache-2.0
#include "runtime/health/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace berth::runtime {

namespace {

using Kind = platform::HealthCheck::Kind;
constexpr Duration first_look = 100ms;  ///< between tries that do not count; grows to
constexpr Duration longest_look = 1s;

std::string told(const Health::Check& check) {
  const auto& rule = check.rule;
  const std::string what = platform::describe(rule);
  return fmt::format("{} check{} ({} {})", platform::name_of(rule.type),
                     rule.name == what ? "" : " '" + rule.name + "'", what, check.last);
}

std::string times(int count) {
  return count == 1 ? "once" : fmt::format("{} times in a row", count);
}

}  // namespace

Health::Health(const std::vector<platform::HealthCheck>& rules, Time started, Duration limit)
    : started_(started) {
  Duration longest = limit;
  for (const auto& rule : rules) {
    Check check{.rule = rule};
    check.next = started + std::max(rule.initial_delay, rule.uptime);
    checks_.push_back(std::move(check));
    if (rule.type == Type::readiness)
      longest = std::max(longest, rule.initial_delay + rule.attempts * (rule.wait + rule.timeout));
  }
  deadline_ = started + longest;
  settled_ = checks_.empty();
}

void Health::believe() {
  settled_ = true;
  for (Check& check : checks_) check.passed = true;
}

/// Tries that come sooner than they count are for what costs nothing.
bool Health::eager(const Check& check) {
  return !check.passed && check.rule.type != Type::liveness && check.rule.kind != Kind::command;
}

bool Health::started_up() const {
  return std::ranges::all_of(checks_, [](const Check& check) {
    return check.rule.type != Type::startup || check.passed;
  });
}

std::vector<std::size_t> Health::due(Time now) {
  std::vector<std::size_t> result;
  if (!verdict_.empty()) return result;
  const bool started = started_up();
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    Check& check = checks_[i];
    const bool startup = check.rule.type == Type::startup;
    if (check.trying || check.next > now || (startup ? check.passed : !started)) continue;
    check.trying = true;
    result.push_back(i);
  }
  return result;
}

Time Health::next() const {
  Time next{};
  if (!verdict_.empty()) return next;
  const bool started = started_up();
  for (const Check& check : checks_) {
    const bool startup = check.rule.type == Type::startup;
    if (check.trying || (startup ? check.passed : !started)) continue;
    if (next == Time{} || check.next < next) next = check.next;
  }
  return next;
}

std::vector<Health::Notice> Health::answer(std::size_t index, const HealthAnswer& answer,
                                           Time now) {
  std::vector<Notice> notices;
  Check& check = checks_.at(index);
  check.trying = false;
  check.answered_at = now;
  check.last = answer.what;
  if (!verdict_.empty()) return notices;
  if (answer.passed)
    pass(check, now, notices);
  else
    fail(check, now, notices);
  if (!settled_ && ready()) settled_ = true;
  return notices;
}

void Health::pass(Check& check, Time now, std::vector<Notice>& notices) {
  check.next = now + check.rule.interval;
  check.failures = 0;
  check.passed = true;
  if (!std::exchange(check.failed, false)) return;
  if (check.rule.type == Type::readiness)
    notices.push_back({"Readiness check passed: it gets traffic again", false});
}

void Health::fail(Check& check, Time now, std::vector<Notice>& notices) {
  const auto& rule = check.rule;
  const bool counts = !eager(check) || check.failures == 0 || now >= check.counted + rule.wait;
  if (counts) {
    ++check.failures;
    check.counted = now;
  }
  check.next = now + std::max(rule.wait, first_look);
  if (eager(check)) {
    const Duration age = now - started_;
    check.next = std::min(check.next, now + std::clamp(age / 4, first_look, longest_look));
  }
  const bool first_readiness = rule.type == Type::readiness && !settled_;
  if (first_readiness ? now >= deadline_ : check.failures >= rule.attempts)
    give_up(check, notices);
}

void Health::give_up(Check& check, std::vector<Notice>& notices) {
  const auto& rule = check.rule;
  if (rule.warn) {
    if (!std::exchange(check.failed, true))
      notices.push_back({fmt::format("Warning: failed its {} {}", told(check),
                                     times(check.failures))});
    if (!settled_) check.passed = true;
    return;
  }
  const bool had_passed = settled_;
  if (rule.type == Type::readiness && had_passed) {
    check.passed = false;
    if (std::exchange(check.failed, true)) return;
    notices.push_back({fmt::format("Failed its {} {}: it gets no traffic until it passes",
                                   told(check), times(check.failures))});
    return;
  }
  check.failed = true;
  verdict_ = rule.type == Type::readiness
                 ? fmt::format("did not pass its {} in time", told(check))
                 : fmt::format("failed its {} {}", told(check), times(check.failures));
}

bool Health::ready() const {
  return verdict_.empty() && std::ranges::all_of(checks_, [](const Check& check) {
           return check.rule.type == Type::liveness || check.passed;
         });
}

}  // namespace berth::runtime
