// SPDX-License-Identifier: Apache-2.0
#include "platform/rollout.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "base/split.hpp"
#include "platform/units.hpp"

namespace berth::platform {

namespace {

constexpr int most_replicas = 1000;
constexpr int highest_canary = 99;
constexpr std::string_view off = "off";
constexpr std::string_view by_hand = "manual";

std::string shown(std::string_view text) { return "'" + std::string(text.substr(0, 60)) + "'"; }

Error wrong(std::string_view key, std::string_view value, std::string_view expected) {
  return {ErrorKind::invalid, std::string(key) + "=" + std::string(value.substr(0, 60)) +
                                  ": give " + std::string(expected)};
}

std::optional<int> whole_number(std::string_view text, int most) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size() || number < 0 || number > most)
    return std::nullopt;
  return number;
}

Result<Share> parse_share(std::string_view key, std::string_view value) {
  const bool percent = value.ends_with('%');
  const auto amount = whole_number(percent ? value.substr(0, value.size() - 1) : value,
                                   percent ? 100 : most_replicas);
  if (!amount)
    return wrong(key, value, "a number of replicas, such as 1, or a part of them up to 100%");
  return Share{*amount, percent};
}

/// `none` stands for 0.
Result<Duration> parse_time(std::string_view key, std::string_view value, std::string_view none) {
  if (value == none) return Duration::zero();
  const auto time = parse_duration(value);
  if (time.has_error() || *time < 10s || *time > 24h)
    return wrong(key, value, "a time from 10s to 24h, such as 5m, or " + std::string(none));
  return Duration(*time);
}

Result<void> read_word(std::string_view word, RolloutSettings& settings,
                       std::set<std::string, std::less<>>& known) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos)
    return Error{ErrorKind::invalid, shown(word) + " is not KEY=VALUE, such as surge=1"};
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (!known.emplace(key).second)
    return Error{ErrorKind::invalid, shown(key) + " is given twice"};
  if (key == "surge" || key == "unavailable") {
    BERTH_ASSIGN((key == "surge" ? settings.surge : settings.unavailable), parse_share(key, value));
  } else if (key == "rollback") {
    BERTH_ASSIGN(settings.rollback, parse_time(key, value, off));
  } else if (key == "promote") {
    BERTH_ASSIGN(settings.promote, parse_time(key, value, by_hand));
  } else if (key == "canary") {
    settings.canary = 0;
    if (value != off) {
      const bool percent = value.ends_with('%');
      const auto part =
          whole_number(percent ? value.substr(0, value.size() - 1) : value, highest_canary);
      if (!part || *part == 0) return wrong(key, value, "a part from 1% to 99%, or off");
      settings.canary = *part;
    }
  } else {
    return Error{ErrorKind::invalid,
                 shown(key) + " is no setting: there are surge, unavailable, rollback, canary and "
                              "promote"};
  }
  return {};
}

std::string text_of(const Share& share) {
  return std::to_string(share.amount) + (share.percent ? "%" : "");
}

std::string text_of(Duration time, std::string_view none) {
  if (time == Duration::zero()) return std::string(none);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (time != std::chrono::seconds(seconds))
    return std::to_string(time / 1ms) + "ms";
  if (seconds % 3600 == 0) return std::to_string(seconds / 3600) + "h";
  if (seconds % 60 == 0) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds) + "s";
}

/// Upwards or downwards to a whole replica.
int count_of(const Share& share, int quantity, bool up) {
  if (!share.percent) return share.amount;
  return (share.amount * quantity + (up ? 99 : 0)) / 100;
}

}  // namespace

Result<RolloutSettings> parse_rollout(const std::vector<std::string>& words) {
  RolloutSettings settings;
  std::set<std::string, std::less<>> known;
  for (const std::string& word : words) BERTH_TRY(read_word(word, settings, known));
  if (settings.surge.amount == 0 && settings.unavailable.amount == 0)
    return Error{ErrorKind::invalid,
                 "surge=0 needs unavailable=1 or more: nothing could be replaced"};
  return settings;
}

Result<RolloutSettings> parse_rollout(std::string_view text) { return parse_rollout(split(text)); }

std::vector<std::pair<std::string, std::string>> rollout_values(const RolloutSettings& settings) {
  return {{"surge", text_of(settings.surge)},
          {"unavailable", text_of(settings.unavailable)},
          {"rollback", text_of(settings.rollback, off)},
          {"canary", settings.canary == 0 ? std::string(off)
                                          : std::to_string(settings.canary) + "%"},
          {"promote", text_of(settings.promote, by_hand)}};
}

std::string rollout_text(const RolloutSettings& settings) {
  std::string text;
  const auto defaults = rollout_values({});
  for (const auto& value : rollout_values(settings))
    if (std::ranges::find(defaults, value) == defaults.end())
      text += (text.empty() ? "" : " ") + value.first + "=" + value.second;
  return text;
}

Steps steps_for(const RolloutSettings& settings, int quantity) {
  Steps steps{.surge = count_of(settings.surge, quantity, /*up=*/true),
              .unavailable = count_of(settings.unavailable, quantity, /*up=*/false)};
  if (steps.surge == 0 && steps.unavailable == 0) steps.unavailable = 1;
  return steps;
}

int canary_quantity(int quantity, int percent) {
  return std::max(1, (quantity * percent + 99) / 100);
}

}  // namespace berth::platform
