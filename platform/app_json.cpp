// SPDX-License-Identifier: Apache-2.0
#include "platform/app_json.hpp"

#include <optional>

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
    FirstFormation first = app.formation[type];
    BERTH_TRY(entry.read("quantity", first.quantity, 0, most_replicas));
    BERTH_TRY(entry.read("size", first.size));
    app.formation[type] = std::move(first);
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

Result<void> read_fields(const JsonField& root, AppJson& app, const AppJsonReading& reading,
                         std::vector<std::string>& notes) {
  BERTH_ASSIGN(const auto checks, root.find("healthchecks"));
  if (checks) {
    app.health_checks.clear();
    BERTH_TRY(read_health_checks(*checks, app, notes));
  }
  BERTH_ASSIGN(const auto formation, root.find("formation"));
  if (formation) BERTH_TRY(read_formation(*formation, app));
  BERTH_ASSIGN(const auto cron, root.find("cron"));
  if (cron) {
    BERTH_ASSIGN(app.cron, read_cron_jobs(*cron, reading.check_zones, notes));
  }
  BERTH_ASSIGN(const auto scripts, root.find("scripts"));
  if (scripts) BERTH_TRY(read_scripts(*scripts, app));
  return {};
}

Result<std::optional<JsonField>> review_of(const JsonField& root) {
  BERTH_ASSIGN(const auto environments, root.find("environments"));
  if (!environments) return std::optional<JsonField>();
  return environments->find("review");
}

}  // namespace

Result<AppJson> parse_app_json(std::string_view text, std::vector<std::string>& notes,
                               const AppJsonReading& reading) {
  BERTH_ASSIGN(const JsonDocument document, JsonDocument::parse(text, app_json_file));
  AppJson app;
  BERTH_TRY(read_fields(document.root(), app, reading, notes));
  if (reading.review) {
    app.cron.clear();
    for (auto& [type, first] : app.formation) first.quantity = -1;
    BERTH_ASSIGN(const auto review, review_of(document.root()));
    if (review) BERTH_TRY(read_fields(*review, app, reading, notes));
  }
  std::erase_if(app.formation, [](const auto& entry) { return entry.second == FirstFormation{}; });
  return app;
}

Result<std::map<std::string, std::string>> review_config_vars(std::string_view text) {
  std::map<std::string, std::string> result;
  BERTH_ASSIGN(const JsonDocument document, JsonDocument::parse(text, app_json_file));
  BERTH_ASSIGN(const auto review, review_of(document.root()));
  if (!review) return result;
  BERTH_ASSIGN(const auto env, review->find("env"));
  if (!env) return result;
  BERTH_ASSIGN(const auto fields, env->fields());
  for (const auto& [name, field] : fields) {
    if (field.is_text()) {
      BERTH_ASSIGN(result[name], field.text());
      continue;
    }
    BERTH_ASSIGN(const auto value, field.find("value"));
    if (value) {
      BERTH_ASSIGN(result[name], value->text());
    }
  }
  return result;
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
