// SPDX-License-Identifier: Apache-2.0
//
// A cron job of app.json as a value: a command that the platform runs by itself, at set times.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "platform/cron_schedule.hpp"
#include "platform/json_field.hpp"

namespace berth::platform {

struct CronJob {
  /// What becomes of a time at which the run before still runs.
  enum class Concurrency { forbid, allow, replace };
  /// What becomes of a time that passed while the platform was away.
  enum class Missed { skip, run_once };

  std::string name;      ///< unique in the app
  std::string command;   ///< for a shell
  std::string schedule;  ///< as it was written; it parses
  std::string timezone = "UTC";
  Concurrency concurrency = Concurrency::forbid;
  Missed missed = Missed::skip;
  bool suspend = false;
  std::chrono::seconds timeout = 1h;  ///< then it is ended
  friend bool operator==(const CronJob&, const CronJob&) = default;
};

[[nodiscard]] std::string_view name_of(CronJob::Concurrency concurrency);
[[nodiscard]] std::string_view name_of(CronJob::Missed missed);

/// The list `cron`. Jobs without a name get one of their command. Fields that do nothing here are
/// told in `notes`. `check_zones`: time zones have to be known to this machine.
[[nodiscard]] Result<std::vector<CronJob>> read_cron_jobs(const JsonField& field, bool check_zones,
                                                          std::vector<std::string>& notes);
/// The same entry, with every field.
[[nodiscard]] json::object to_json(const CronJob& job);

/// "bin/rails reports:send" → "bin-rails-reports-send"
[[nodiscard]] std::string cron_name_of(std::string_view command);

}  // namespace berth::platform
