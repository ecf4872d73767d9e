// SPDX-License-Identifier: Apache-2.0
//
// app.json as data: what an app says of its own running, beside the Procfile. Read at each build
// and kept with the release. Heroku's and Dokku's names; what means nothing here is not refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/cron_job.hpp"
#include "platform/health_check.hpp"

namespace berth::platform {

inline constexpr std::string_view app_json_file = "app.json";

/// What a process type begins with, at the first release that has it.
struct FirstFormation {
  int quantity = -1;  ///< -1: not said
  std::string size;   ///< or empty
  friend bool operator==(const FirstFormation&, const FirstFormation&) = default;
};

struct AppJson {
  std::map<std::string, std::vector<HealthCheck>> health_checks;  ///< by process type
  std::map<std::string, FirstFormation> formation;
  std::vector<CronJob> cron;
  std::string postdeploy;  ///< for a shell, once, after the app's first release; or empty
  friend bool operator==(const AppJson&, const AppJson&) = default;
};

struct AppJsonReading {
  /// What was kept is read without a look at which time zones the machine knows now.
  bool check_zones = true;
  /// For a preview: what `environments.review` says goes before the rest, whose cron jobs and
  /// quantities are for the app itself.
  bool review = false;
};

/// An error names line and field. `notes` gets what is there and does nothing here.
[[nodiscard]] Result<AppJson> parse_app_json(std::string_view text, std::vector<std::string>& notes,
                                             const AppJsonReading& reading = {});
/// `environments.review.env`: config vars of a preview; texts, or objects with a `value`.
[[nodiscard]] Result<std::map<std::string, std::string>> review_config_vars(std::string_view text);
/// An app.json that says the same, on one line; "" for nothing.
[[nodiscard]] std::string app_json_text(const AppJson& app);

}  // namespace berth::platform
