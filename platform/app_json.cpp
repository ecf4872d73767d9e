// SPDX-License-Identifier: Apache-2.0
#include "platform/app_json.hpp"

namespace berth::platform {

namespace {

constexpr std::size_t most_checks = 20;  ///< of a process type
constexpr int most_replicas = 100;
constexpr std::size_t longest_command = 32 << 10;

Result<void> read_health_checks(const JsonField& field, AppJson& app,
                                std::vector<std::string>& notes) {
  BERTH_ASSIGN(const auto types, field.fields());
  for (const auto& [type, list] : types) {
    BERTH_ASSIGN(const auto entries, list.entries());
    if (entries.size() > most_checks)
      return list.refuse("has more than " + std::to_string(most_checks) + " checks");
    for (const JsonField& entry : entries) {
      BERTH_ASSIGN(HealthCheck check, read_health_check(entry, type == "web", notes));
      app.health_checks[type].push_back(std::move(check));
    }
  }
  return {};
}

Result<void> read_formation(const JsonField& field, AppJson& app) {
  BERTH_ASSIGN(const auto types, field.fields());
  for (const auto& [type, entry] : types) {
    FirstFormation first;
    BERTH_TRY(entry.read("quantity", first.quantity, 0, most_replicas));
    BERTH_TRY(entry.read("size", first.size));
    if (first != FirstFormation{}) app.formation[type] = std::move(first);
  }
  return {};
}

Result<void> read_scripts(const JsonField& field, AppJson& app) {
  BERTH_TRY(field.read("postdeploy", app.postdeploy));
  if (app.postdeploy.size() <= longest_command) return {};
  return field.refuse("has a postdeploy longer than " + std::to_string(longest_command) + " bytes");
}

json::object to_json(const FirstFormation& first) {
  json::object result;
  if (first.quantity >= 0) result["quantity"] = first.quantity;
  if (!first.size.empty()) result["size"] = first.size;
  return result;
}

}  // namespace

Result<AppJson> parse_app_json(std::string_view text, std::vector<std::string>& notes,
                               bool check_zones) {
  BERTH_ASSIGN(const JsonDocument document, JsonDocument::parse(text, app_json_file));
  const JsonField root = document.root();
  AppJson app;
  BERTH_ASSIGN(const auto checks, root.find("healthchecks"));
  if (checks) BERTH_TRY(read_health_checks(*checks, app, notes));
  BERTH_ASSIGN(const auto formation, root.find("formation"));
  if (formation) BERTH_TRY(read_formation(*formation, app));
  BERTH_ASSIGN(const auto cron, root.find("cron"));
  if (cron) {
    BERTH_ASSIGN(app.cron, read_cron_jobs(*cron, check_zones, notes));
  }
  BERTH_ASSIGN(const auto scripts, root.find("scripts"));
  if (scripts) BERTH_TRY(read_scripts(*scripts, app));
  return app;
}

std::string app_json_text(const AppJson& app) {
  json::object checks;
  for (const auto& [type, list] : app.health_checks) {
    json::array entries;
    for (const HealthCheck& check : list) entries.push_back(to_json(check));
    checks[type] = std::move(entries);
  }
  json::object result;
  if (!checks.empty()) result["healthchecks"] = std::move(checks);
  json::object formation;
  for (const auto& [type, first] : app.formation) formation[type] = to_json(first);
  if (!formation.empty()) result["formation"] = std::move(formation);
  json::array cron;
  for (const CronJob& job : app.cron) cron.push_back(to_json(job));
  if (!cron.empty()) result["cron"] = std::move(cron);
  if (!app.postdeploy.empty()) result["scripts"] = json::object{{"postdeploy", app.postdeploy}};
  return result.empty() ? std::string() : to_text(result);
}

}  // namespace berth::platform
